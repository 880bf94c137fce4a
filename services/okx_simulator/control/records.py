"""Evidence, statistics, health and the venue's clock over the control door."""

from typing import Any, Final

import msgspec

from services.okx_simulator.calls import Call, Endpoint, Routes
from services.okx_simulator.clock import VenueClock
from services.okx_simulator.control.replies import door, told
from services.okx_simulator.evidence import Evidence
from services.okx_simulator.faults import Faults
from services.okx_simulator.stats import Stats
from services.okx_simulator.streaming.venue import Venue
from services.okx_simulator.wire.http import Answer

_PAGE: Final = 5_000


class ClockSpec(msgspec.Struct, forbid_unknown_fields=True):
    """How far the venue's clock is set from the machine's."""

    offset_ms: int


class RecordDoor:
    """Shows what happened."""

    def __init__(self, evidence: Evidence, stats: Stats, faults: Faults, clock: VenueClock, venue: Venue) -> None:
        self._evidence = evidence
        self._stats = stats
        self._faults = faults
        self._clock = clock
        self._venue = venue

    def routes(self) -> Routes:
        """Return the control paths of records, and what supervisors ask."""
        return {
            "/control/evidence": {"GET": door(self.evidence)},
            "/control/stats": {"GET": door(self.stats)},
            "/control/clock": {"GET": door(self.clock), "POST": door(self.set_clock)},
            "/metrics": {"GET": Endpoint(self.metrics, private=False)},
            "/livez": {"GET": door(lambda _call: {"status": "ok"})},
            "/readyz": {"GET": door(lambda _call: {"status": "ok"})},
        }

    def evidence(self, call: Call) -> dict[str, Any]:
        """Return rows after `since_seq`, at most `limit`, and `next_seq` to go on from."""
        query = call.request.query()
        since, limit = int(query.get("since_seq", "0")), int(query.get("limit", str(_PAGE)))
        if since < 0 or limit < 1:
            raise ValueError(f"since_seq is {since}, limit {limit}; expected 0 or more, and 1 or more")
        return self._evidence.since(since, limit)

    def stats(self, _call: Call) -> dict[str, Any]:
        """Return counts per endpoint and code, per fault kind, and what there is."""
        gauges = {name: value for name, (_, value) in self._gauges().items()}
        return {"answers": self._stats.by_endpoint(), "faults": self._faults.struck, **gauges}

    def clock(self, _call: Call) -> dict[str, int]:
        """Return the venue's clock."""
        return {"offset_ms": self._clock.offset_ms, "now_ms": self._clock.now_ms()}

    def set_clock(self, call: Call) -> dict[str, int]:
        """Set the venue's clock apart from the machine's."""
        self._clock.offset_ms = told(call, ClockSpec).offset_ms
        return self.clock(call)

    def metrics(self, _call: Call) -> Answer:
        """Return everything for Prometheus."""
        text = self._stats.exposition(self._gauges(), self._faults.struck)
        return Answer(text.encode(), content_type="text/plain; version=0.0.4; charset=utf-8")

    def _gauges(self) -> dict[str, tuple[str, int]]:
        return {
            "accounts": ("Accounts there are.", len(self._venue.accounts.by_uid)),
            "sessions": ("WebSocket sessions that are open.", len(self._venue.sessions)),
            "evidence_rows": ("Rows of evidence so far.", self._evidence.next - 1),
            "planted_faults": ("Faults planted now.", sum(1 for _ in self._faults)),
        }
