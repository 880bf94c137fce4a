"""How the simulator is started from a shell: settings read or refused, a loop, signals, an exit code.

It shares no code with what it rehearses, not even this.
"""

import asyncio
import gc
import logging
import signal
import sys
from collections.abc import Callable, Sequence
from typing import Final, NoReturn

import uvloop
from pydantic import ValidationError

from services.okx_simulator.listening import Listening
from services.okx_simulator.settings import Settings
from services.okx_simulator.wiring import assemble

BAD_SETTINGS: Final = 2

# Orders and evidence are kept for good and form no cycles: looking through them often would only cost time.
_COLLECT: Final = (200_000, 50, 1_000)


def read_settings(arguments: Sequence[str]) -> Settings:
    """Read the settings from the environment, or leave the process: 0 after `--help`, 2 after a refusal."""
    if "--help" in arguments or "-h" in arguments:
        sys.stdout.write(help_text())
        sys.exit(0)
    if arguments:
        _refuse([f"arguments: got {' '.join(arguments)!r}; it takes none but --help: settings are in the environment"])
    try:
        return Settings()
    except ValidationError as error:
        _refuse([_refusal(tuple(map(str, each["loc"])), each["input"], each["msg"]) for each in error.errors()])


def help_text() -> str:
    """Spell every setting with its default, unit and effect."""
    lines = [(Settings.__doc__ or "").strip(), "", "Settings are environment variables:", ""]
    for name, field in Settings.model_fields.items():
        lines += [f"  {_variable(name)}", f"      {field.description}; default: {field.default}", ""]
    return "\n".join(lines)


def run(settings: Settings, announce: Callable[[str], None]) -> None:
    """Serve until SIGTERM or SIGINT, then drain; `announce` is told the address."""
    logging.basicConfig(
        level=settings.log_level.upper(), stream=sys.stderr, format="%(levelname)s %(name)s %(message)s"
    )
    gc.set_threshold(*_COLLECT)
    uvloop.run(_serve(settings, announce))


async def _serve(settings: Settings, announce: Callable[[str], None]) -> None:
    stopping = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stopping.set)
    simulator = assemble(settings)
    async with asyncio.TaskGroup() as group:
        marks = group.create_task(simulator.pushes.repeat_marks())
        await Listening(simulator).serve(stopping, announce)
        marks.cancel()


def _variable(name: str) -> str:
    return f"SLIPSTREAM_SIM_{name}".upper()


def _refusal(path: tuple[str, ...], got: object, problem: str) -> str:
    if not path:
        return problem.removeprefix("Value error, ")
    field = Settings.model_fields[path[0]]
    return f"{_variable(path[0])}: got {got!r}; {problem}; it takes {field.description}"


def _refuse(refusals: list[str]) -> NoReturn:
    sys.stderr.write("".join(f"{refusal}\n" for refusal in refusals))
    sys.exit(BAD_SETTINGS)
