"""Run the portal (`serve`), or one of its commands: `enrol FILE.json`, `republish`, `switch`, `subscription set`."""

import asyncio
import sys
from argparse import Namespace
from pathlib import Path

from services.portal.applicants import Enrolment
from services.portal.commands import LIST, given_scope, given_settings, parse
from services.portal.document import NAME, SETTINGS, read_enrolment
from services.portal.enrolling import ChangedMeanwhile
from services.portal.forms import Problems
from services.portal.settings import CommandSettings, Settings
from services.portal.telling import tell_changed, tell_enrolled, tell_problems, tell_published, tell_switches
from services.portal.web.wiring import assemble
from services.portal.wiring import portal
from shared.configuration import load
from shared.domain.ids import AccountId
from shared.domain.subscriptions import Problem
from shared.domain.switches import Action
from shared.lifecycle import ExitCode, run
from shared.telemetry.logs import configure_logs

REFUSED = 2
"""The exit code of a command that cannot be carried out as it is given; nothing was stored."""


OPERATOR = "operator"


def main() -> int:
    """Carry out one command: 0 done, 1 something we need is away, 2 refused."""
    command = parse(sys.argv[1:])
    if command.command == "serve":
        return _serve()
    settings = load(CommandSettings, ())
    try:
        return asyncio.run(_run(command, settings))
    except (ConnectionError, ChangedMeanwhile) as error:
        print(f"{error}; what is stored stays: repeat the command, or republish", file=sys.stderr)
        return ExitCode.CRASHED


def _serve() -> int:
    """Run until a signal; see `lifecycle.ExitCode` for what the code means."""
    settings = load(Settings, ())
    configure_logs("portal", settings.log_level, json=settings.log_json)
    return run(lambda life: assemble(life, settings), settings.drain_s)


async def _run(command: Namespace, settings: CommandSettings) -> int:
    match command.command:
        case "enrol":
            return await _enrol(command, settings)
        case "republish":
            async with portal(settings) as opened:
                publish = opened.publishing.publish_all if command.all else opened.publishing.publish_waiting
                print(tell_published(await publish(), as_json=command.json))
            return 0
        case "switch":
            return await _switch(command, settings)
        case _:
            return await _change(command, settings)


async def _enrol(command: Namespace, settings: CommandSettings) -> int:
    enrolment, problems = _read(command.file)
    if problems:
        return _refuse(problems, command)
    async with portal(settings) as opened:
        enrolled = await opened.enrolling.enrol(enrolment, command.replace_grants)
    if enrolled.problems:
        return _refuse(list(enrolled.problems), command)
    print(tell_enrolled(enrolled, as_json=command.json))
    return 0


def _read(file: str) -> tuple[Enrolment, list[Problem]]:
    try:
        content = sys.stdin.read() if file == "-" else Path(file).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        return Enrolment(), [Problem("file", file, f"name a readable file of UTF-8 text: {error}")]
    return read_enrolment(content)


async def _change(command: Namespace, settings: CommandSettings) -> int:
    problems, raw = Problems(), given_settings(command)
    form = {"follower": NAME, "leader": NAME, **{name: SETTINGS[name] for name in raw}}
    values = problems.read({"follower": command.follower, "leader": command.leader, **raw}, "", form)
    if values is None:
        return _refuse(problems.found, command)
    follower, leader = AccountId(values.pop("follower")), AccountId(values.pop("leader"))
    async with portal(settings) as opened:
        changed = await opened.subscribing.change(follower, leader, values)
    if changed.problems:
        return _refuse(list(changed.problems), command)
    print(tell_changed(changed, as_json=command.json))
    return 0


async def _switch(command: Namespace, settings: CommandSettings) -> int:
    scoped = given_scope(command)
    async with portal(settings) as opened:
        switching = opened.switching
        if command.action == LIST:
            print(tell_switches(await switching.standing(), as_json=command.json))
            return 0
        if scoped is None:
            return _refuse([Problem("whom", "", "add --platform, --leader, --follower or --instrument")], command)
        problem = await switching.problem(*scoped)
        if problem:
            return _refuse([problem], command)
        thrown = await switching.throw(OPERATOR, *scoped, Action(command.action.replace("-", "_")))
        standing = await switching.followed(thrown, command.wait_s)
    print(tell_switches([standing], as_json=command.json))
    return ExitCode.CRASHED if standing.awaited else 0


def _refuse(problems: list[Problem], command: Namespace) -> int:
    print(tell_problems(problems, as_json=command.json), file=sys.stdout if command.json else sys.stderr)
    return REFUSED


if __name__ == "__main__":
    sys.exit(main())
