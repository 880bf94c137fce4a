"""Log lines: one JSON object each on standard error, one canonical line per unit of work, secrets never.

Secrets are kept out three times: `Secret` and `SecretStr` show stars, values under a known secret name are dropped
here, and bearer tokens or passwords inside longer text (an exception's, a library's) are cut out of it.
"""

import logging
import re
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, MutableMapping
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any, Literal, TextIO

import structlog

from shared.clock import SystemClock

Level = Literal["debug", "info", "warning", "error"]

HIDDEN = "***"
SECRET_NAMES = frozenset(
    {
        "access_token", "refresh_token", "token", "authorization", "api_key", "apikey", "secret", "secret_key",
        "secretkey", "passphrase", "password", "client_secret", "code_verifier", "sign", "vault_key", "plaintext",
        "ok-access-key", "ok-access-sign", "ok-access-passphrase",
    }
)  # fmt: skip
"""Names under which no value is ever logged, whatever its type; compared in lower case."""

_NAMED_IN_TEXT = (
    r"(?i)([\"']?(?:access_token|refresh_token|client_secret|secret_?key|api_?key|passphrase)[\"']?\s*[:=]\s*)"
    r"[\"']?[^\s,&\"'}]+[\"']?"
)
_IN_TEXT = (
    (re.compile(r"(?i)\bbearer\s+[^\s'\"]+"), f"Bearer {HIDDEN}"),
    (re.compile(r"(?<=://)([^\s/:@]*):[^\s/@]+@"), rf"\1:{HIDDEN}@"),
    (re.compile(_NAMED_IN_TEXT), rf"\1{HIDDEN}"),
)  # fmt: skip
_MOST_REASONS = 1_000
"""Reasons told apart before the rest is only counted: a venue gone mad must not fill our memory."""

_Event = MutableMapping[str, Any]


def configure_logs(service: str, level: Level = "info", *, json: bool = True, to: TextIO = sys.stderr) -> None:
    """Send our lines and every library's through one chain to `to`; call once, first thing in `main`."""
    last = _json() if json else _for_people()
    chain: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        _stamp(service),
        structlog.processors.format_exc_info,
        redact,
    ]
    threshold = logging.getLevelNamesMapping()[level.upper()]
    structlog.configure(
        processors=[*chain, last],
        wrapper_class=structlog.make_filtering_bound_logger(threshold),
        logger_factory=structlog.WriteLoggerFactory(to),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(to)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=chain, processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, last]
        )
    )
    # Libraries speak from "warning" on: their request lines would double ours.
    logging.basicConfig(level=max(threshold, logging.WARNING), handlers=[handler], force=True)


def redact(_logger: object, _method: str, event: _Event) -> _Event:
    """Replace values under secret names, and secrets inside text; a structlog processor, to be put last but one."""
    return {name: HIDDEN if name.lower() in SECRET_NAMES else _cleaned(value) for name, value in event.items()}


class OnceLog:
    """Counts every occurrence of a reason and logs the first one only."""

    def __init__(self, event: str, count: Callable[[str], None]) -> None:
        """Log under the name `event`; `count(reason)` moves the metric beside it."""
        self._event = event
        self._count = count
        self.seen: Counter[str] = Counter()

    def note(self, reason: str, **details: object) -> None:
        """Take one occurrence; beyond a thousand reasons new ones are counted together and not logged."""
        known = reason in self.seen
        if not known and len(self.seen) >= _MOST_REASONS:
            reason, known = "other", "other" in self.seen
        self.seen[reason] += 1
        self._count(reason)
        if not known:
            structlog.get_logger().warning(self._event, reason=reason, **details)


class Line:
    """What is known so far of one unit of work."""

    def __init__(self, facts: dict[str, object]) -> None:
        self.facts = facts

    def note(self, **facts: object) -> None:
        """Add facts; a later value of the same name wins."""
        self.facts.update(facts)


@contextmanager
def canonical_line(event: str, **facts: object) -> Iterator[Line]:
    """Gather facts while one unit of work runs and write them as one line at its end, failed or not."""
    clock, line = SystemClock(), Line(facts)
    began = clock.monotonic()
    try:
        yield line
    except BaseException as error:
        line.note(failed=type(error).__name__)
        raise
    finally:
        structlog.get_logger().info(event, **line.facts, took_ms=round((clock.monotonic() - began) * 1_000, 3))


def _json() -> structlog.types.Processor:
    return structlog.processors.JSONRenderer(default=repr)


def _for_people() -> structlog.types.Processor:
    # The plain formatter: the rich one would print local variables, tokens among them.
    return structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback)


def _stamp(service: str) -> Callable[[object, str, _Event], _Event]:
    clock = SystemClock()

    def stamp(_logger: object, _method: str, event: _Event) -> _Event:
        at = datetime.fromtimestamp(clock.now_ms() / 1_000, UTC)
        return {"at": at.isoformat(timespec="milliseconds"), "service": service, **event}

    return stamp


def _cleaned(value: object) -> object:
    if isinstance(value, str):
        for pattern, replacement in _IN_TEXT:
            value = pattern.sub(replacement, value)
        return value
    if isinstance(value, Mapping):
        return {k: HIDDEN if str(k).lower() in SECRET_NAMES else _cleaned(v) for k, v in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_cleaned(item) for item in value]
    return value
