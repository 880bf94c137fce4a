"""How settings are read, refused and explained; what they are is in `settings`.

A setting is an environment variable. Its description in code is "unit: effect", and is what `--help` and
docs/configuration.md print, so there is one text per setting.
"""

import json
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NoReturn, TypeVar

from pydantic import BaseModel, SecretStr, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails
from pydantic_settings import BaseSettings, SettingsError

S = TypeVar("S", bound=BaseSettings)

BAD_SETTINGS = 2
_HIDDEN = "(hidden)"


@dataclass(frozen=True, slots=True)
class Row:
    """One setting as people see it."""

    variable: str
    default: str
    unit: str
    effect: str


def load(settings: type[S], arguments: Sequence[str] | None = None) -> S:
    """Read the settings from the environment, or leave the process.

    `--help` prints every setting and exits 0. A bad or missing setting exits 2 after one line each on standard error:
    the variable, what it got, what it takes. Secret values are never printed.
    """
    words = sys.argv[1:] if arguments is None else arguments
    if "--help" in words or "-h" in words:
        sys.stdout.write(help_text(settings))
        sys.exit(0)
    if words:
        _leave(
            [f"arguments: got {' '.join(words)!r}; it takes none but --help, since settings are environment variables"]
        )
    try:
        return settings()
    except ValidationError as error:
        _leave([_refusal(settings, detail) for detail in error.errors(include_url=False)])
    except SettingsError as error:
        _leave([str(error)])


def rows(settings: type[BaseSettings]) -> Iterator[Row]:
    """Yield every setting of a class, in the order it is written in."""
    for name, field in settings.model_fields.items():
        unit, _, effect = (field.description or "").partition(": ")
        yield Row(variable_of(settings, name), _default(field), unit, effect)


def help_text(settings: type[BaseSettings]) -> str:
    """Spell every setting with default, unit and effect, for a terminal."""
    purpose = (settings.__doc__ or "").strip().splitlines()[0]
    lines = [purpose, "", "Settings are environment variables:", ""]
    for row in rows(settings):
        lines += [f"  {row.variable}", f"      {row.effect}", f"      {row.unit}; default: {row.default}", ""]
    return "\n".join(lines)


def variable_of(settings: type[BaseSettings], name: str) -> str:
    """Return the environment variable that sets a field."""
    return f"{settings.model_config.get('env_prefix', '')}{name}".upper()


def _leave(refusals: Sequence[str]) -> NoReturn:
    sys.stderr.write("".join(f"{refusal}\n" for refusal in refusals))
    sys.exit(BAD_SETTINGS)


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "none, must be set"
    value = field.get_default(call_default_factory=True)
    if value in (None, "", ()):
        return "not set"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, tuple):
        return ",".join(map(str, value))
    return json.dumps(value, default=BaseModel.model_dump) if isinstance(value, dict) else str(value)


def _refusal(settings: type[BaseSettings], detail: ErrorDetails) -> str:
    if not detail["loc"]:
        return detail["msg"].removeprefix("Value error, ")
    name = str(detail["loc"][0])
    field = settings.model_fields[name]
    takes = (field.description or "").replace(": ", ", ", 1)
    if detail["type"] == "missing":
        return f"{variable_of(settings, name)}: is not set; it takes {takes}"
    problem = detail["msg"].removeprefix("Value error, ")
    return f"{variable_of(settings, name)}: got {_shown(field, detail)}; {problem}; it takes {takes}"


def _shown(field: FieldInfo, detail: ErrorDetails) -> str:
    got: Any = detail["input"]
    secret = not field.repr or "SecretStr" in str(field.annotation) or isinstance(got, SecretStr)
    return _HIDDEN if secret else repr(got)
