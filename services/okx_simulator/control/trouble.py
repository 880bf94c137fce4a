"""Faults over the control door: those that wait for their moment and those that strike at once."""

from typing import Any

from services.okx_simulator.access.tokens import Tokens
from services.okx_simulator.calls import Call, Routes
from services.okx_simulator.control.replies import door, told
from services.okx_simulator.faults import AT_ONCE, Fault, Faults, FaultSpec
from services.okx_simulator.streaming.venue import Venue


class FaultDoor:
    """Plants, lists and removes faults."""

    def __init__(self, faults: Faults, tokens: Tokens, venue: Venue) -> None:
        self._faults = faults
        self._tokens = tokens
        self._venue = venue

    def routes(self) -> Routes:
        """Return the control paths of faults."""
        return {
            "/control/faults": {"POST": door(self.plant), "GET": door(self.show), "DELETE": door(self.clear)},
            "/control/faults/*": {"DELETE": door(self.remove)},
        }

    def plant(self, call: Call) -> dict[str, Any]:
        """Plant a fault; one that strikes at once answers how many accounts or connections it struck."""
        spec = told(call, FaultSpec)
        if spec.kind in AT_ONCE:
            return {"id": None, "hits": self._strike(spec)}
        return {"id": self._faults.plant(spec).id}

    def show(self, _call: Call) -> list[dict[str, Any]]:
        """List the planted faults with how often each struck."""
        return [_shown(fault) for fault in self._faults]

    def clear(self, _call: Call) -> dict[str, int]:
        """Remove all."""
        return {"removed": self._faults.remove()}

    def remove(self, call: Call) -> dict[str, int]:
        """Remove one."""
        return {"removed": self._faults.remove(call.request.path.rpartition("/")[2])}

    def _strike(self, spec: FaultSpec) -> int:
        kind, uids = spec.kind, spec.struck()
        if kind in _ENDINGS:
            struck = self._tokens.end(self._tokens.uids() if uids is None else uids, _ENDINGS[kind])
        else:
            struck = self._disturb(spec)
        self._faults.struck[kind] = self._faults.struck.get(kind, 0) + struck
        return struck

    def _disturb(self, spec: FaultSpec) -> int:
        sessions = self._venue.sessions_of(spec.struck())
        for session in sessions:
            if spec.kind == "ws_drop":
                session.connection.drop()
            elif spec.kind == "ws_silence":
                session.connection.silence((10_000 if spec.for_ms is None else spec.for_ms) / 1_000)
            else:
                session.notice(60 if spec.cut_after_s is None else spec.cut_after_s)
        return len(sessions)


_ENDINGS = {"expire_tokens": "53002", "revoke_tokens": "53003"}


def _shown(fault: Fault) -> dict[str, Any]:
    return {
        "id": fault.id,
        "kind": fault.kind,
        "where": fault.where,
        "times_left": fault.times,
        "probability": fault.probability,
        "params": fault.params,
        "hits": fault.hits,
    }
