"""Write docs/configuration.md from the settings classes: `python -m deploy.configuration`."""

import sys
from collections.abc import Iterator, Mapping
from importlib import import_module
from pathlib import Path

from pydantic_settings import BaseSettings

from shared.configuration import Row, rows

DOCUMENT = Path(__file__).parent.parent / "docs" / "configuration.md"
SERVICES = Path(__file__).parent.parent / "services"

_HEAD = """# Configuration

Every setting is an environment variable. `python -m services.<name> --help` prints those of one service. A service
refuses to start on a setting it cannot work with: one line on standard error per refusal, with the variable, what it
got and what it takes; exit code 2.

This page is made from the settings classes by `make docs`; do not edit it.
"""


def services() -> dict[str, type[BaseSettings]]:
    """Return the settings class of every service, by its name."""
    return {
        path.parent.name: import_module(f"services.{path.parent.name}.settings").Settings
        for path in sorted(SERVICES.glob("*/settings.py"))
    }


def document() -> str:
    """Spell the whole page: settings that mean the same in several services once, then each service's own."""
    classes = services()
    users = _users(classes)
    together = {row: names for row, names in users.items() if len(names) > 1}
    sections = [_HEAD, "## Shared by services\n", _table(together)]
    for name, settings in classes.items():
        own = {row: [name] for row in rows(settings) if len(users[row]) == 1}
        if own:
            sections += [f"## {name}\n", f"{_purpose(settings)}\n", _table(own, show_services=False)]
    return "\n".join(sections)


def _users(classes: Mapping[str, type[BaseSettings]]) -> dict[Row, list[str]]:
    users: dict[Row, list[str]] = {}
    for name, settings in classes.items():
        for row in rows(settings):
            users.setdefault(row, []).append(name)
    return users


def _purpose(settings: type[BaseSettings]) -> str:
    return (settings.__doc__ or "").strip().splitlines()[0]


def _table(users: Mapping[Row, list[str]], *, show_services: bool = True) -> str:
    head = ["variable", "default", "unit", "effect", *(["services"] if show_services else [])]
    return "\n".join([*_lines(head, users, show_services=show_services), ""])


def _lines(head: list[str], users: Mapping[Row, list[str]], *, show_services: bool) -> Iterator[str]:
    yield f"| {' | '.join(head)} |"
    yield f"|{'---|' * len(head)}"
    for row, names in users.items():
        cells = [f"`{row.variable}`", f"`{row.default}`", row.unit, row.effect]
        if show_services:
            cells.append(", ".join(names))
        yield f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |"


def main() -> int:
    """Write the page."""
    DOCUMENT.write_text(document(), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
