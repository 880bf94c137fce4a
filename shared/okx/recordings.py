"""Recorded OKX messages as people keep them in files.

REST text      line 1 the method, line 2 the path, line 3 whether it was signed, the rest the answer
socket text    blocks that begin with `>` (sent), `<` (received) or `=` (pushed)
JSON           a message, or {"_source", "_http_status", "_request", "body": message}; `_request` as "GET /path"
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from string import digits

_METHODS = frozenset({"GET", "POST", "PUT", "DELETE"})
_BLOCKS = frozenset("><=")
_HEAD_LINES = 3


class UnreadableFile(Exception):
    """A file holds no recording in a form we know; says what was found."""


@dataclass(frozen=True, slots=True)
class Recording:
    """One message that OKX sent; `request` is "GET /path" where it answers a REST call that is known."""

    file: str
    text: str
    request: str | None = None


def read_file(path: Path, name: str) -> list[Recording]:
    """Return the messages of a file, those of ours left out.

    Raises:
        UnreadableFile: it is in none of the forms.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise UnreadableFile(f"cannot be read as text: {error}") from None
    if path.suffix == ".json":
        return [_json(text, name)]
    first = text.lstrip()[:1]
    if first in _BLOCKS and first:
        return [Recording(name, block) for mark, block in _blocks(text) if mark != ">"]
    return [_rest(text, name)]


def _json(text: str, name: str) -> Recording:
    try:
        record = json.loads(text)
    except json.JSONDecodeError as error:
        raise UnreadableFile(f"is no JSON: {error}") from None
    if not isinstance(record, dict):
        raise UnreadableFile(f"holds a JSON {type(record).__name__}; expected an object")
    if "body" not in record:
        return Recording(name, text)
    return Recording(name, json.dumps(record["body"]), record.get("_request"))


def _rest(text: str, name: str) -> Recording:
    lines = text.splitlines()
    if len(lines) <= _HEAD_LINES or lines[0].strip() not in _METHODS:
        shown = lines[0][:40] if lines else ""
        raise UnreadableFile(f"begins with {shown!r}; expected a method, a JSON object, or one of {' '.join(_BLOCKS)}")
    return Recording(name, "\n".join(lines[_HEAD_LINES:]), f"{lines[0].strip()} {lines[1].strip()}")


def _blocks(text: str) -> Iterator[tuple[str, str]]:
    """Yield (mark, message): a mark begins a line, its message may take many."""
    mark, lines = "", list[str]()
    for line in text.splitlines():
        if line[:1] in _BLOCKS and line[:1]:
            if mark:
                yield mark, "\n".join(lines)
            mark, lines = line[0], [line[1:].lstrip(digits)]
        else:
            lines.append(line)
    yield mark, "\n".join(lines)
