"""Hold one recorded message against our models: every modelled field must be the wire's own text."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec

from shared.okx import frames, models
from shared.okx.documented import DOCUMENTED, undocumented
from shared.okx.recordings import Recording, UnreadableFile

_ENDPOINTS: Mapping[str, type[msgspec.Struct]] = {
    "POST /api/v5/trade/order": models.OrderReply,
    "POST /api/v5/trade/batch-orders": models.OrderReply,
    "GET /api/v5/trade/order": models.Order,
    "GET /api/v5/trade/orders-pending": models.Order,
    "GET /api/v5/trade/orders-history": models.Order,
    "GET /api/v5/trade/orders-history-archive": models.Order,
    "GET /api/v5/trade/fills": models.Fill,
    "GET /api/v5/trade/fills-history": models.Fill,
    "GET /api/v5/account/positions": models.Position,
    "GET /api/v5/account/balance": models.Balance,
    "GET /api/v5/account/config": models.AccountConfig,
    "GET /api/v5/public/instruments": models.Instrument,
    "GET /api/v5/account/instruments": models.Instrument,
    "GET /api/v5/public/time": models.ServerTime,
    "GET /api/v5/public/price-limit": models.PriceLimit,
    "GET /api/v5/public/mark-price": models.MarkPrice,
    "GET /api/v5/market/ticker": models.Ticker,
    "GET /api/v5/market/tickers": models.Ticker,
}
_OPS = frozenset({"order", "batch-orders"})
"""Socket ops whose answers have the items of a placed order."""


@dataclass(slots=True)
class Verdict:
    """What became of one message; `kind` is its endpoint, channel, op or event."""

    file: str
    kind: str
    model: str = ""
    """Empty where we model only the envelope."""
    fields: int = 0
    """Modelled fields that were compared."""
    different: list[str] = field(default_factory=list)
    unmodelled: list[str] = field(default_factory=list)
    undocumented: list[str] = field(default_factory=list)
    """Those of them that OKX's documentation does not know either; for the models whose documentation we keep."""
    failure: str = ""

    @property
    def good(self) -> bool:
        """Tell whether everything modelled was read as it stands."""
        return not (self.failure or self.different)


def check(recording: Recording) -> Verdict:
    """Judge one message.

    Raises:
        UnreadableFile: it is no JSON object, and of no endpoint we model.
    """
    try:
        wire = json.loads(recording.text)
    except json.JSONDecodeError as error:
        return _no_message(recording, f"is no JSON: {error}")
    if not isinstance(wire, dict):
        return _no_message(recording, f"is a JSON {type(wire).__name__}; expected an object")
    kind, model = _known(wire, recording.request)
    verdict = Verdict(recording.file, kind, model.__name__ if model else "")
    _compare(verdict, recording.text, wire, None if model is frames.Frame else model)
    return verdict


def _no_message(recording: Recording, why: str) -> Verdict:
    model = _ENDPOINTS.get(recording.request or "")
    if model is None:
        raise UnreadableFile(why)
    return Verdict(recording.file, recording.request or "", model.__name__, failure=why)


def _known(wire: Mapping[str, Any], request: str | None) -> tuple[str, type[msgspec.Struct] | None]:
    if request is not None:
        return request, _ENDPOINTS.get(request)
    if wire.get("event"):
        return f"event {wire['event']}", frames.Frame
    if isinstance(wire.get("arg"), dict):
        channel = str(wire["arg"].get("channel"))
        return f"push {channel}", frames.PUSHES.get(channel)
    if "op" in wire:
        return f"op {wire['op']}", models.OrderReply if wire["op"] in _OPS else None
    placed = any(isinstance(row, dict) and "sCode" in row for row in (wire.get("data") or []))
    return ("answer about orders", models.OrderReply) if placed else ("answer without items", None)


def _compare(verdict: Verdict, text: str, wire: dict[str, Any], model: type[msgspec.Struct] | None) -> None:
    socket = verdict.kind.startswith(("event ", "push ", "op "))
    envelope: Any = frames.Frame if socket else models.Reply[msgspec.Raw]
    try:
        read = msgspec.json.decode(text, type=envelope)
        _same(verdict, "", {name: value for name, value in wire.items() if name != "data"}, read)
        for row, raw in zip((wire.get("data") or []), read.data, strict=True) if model else ():
            _compare_row(verdict, row, msgspec.json.decode(raw, type=model))
    except msgspec.ValidationError as error:
        verdict.failure = str(error)


def _compare_row(verdict: Verdict, row: dict[str, Any], read: msgspec.Struct) -> None:
    model = read.__class__
    _same(verdict, "", row, read)
    verdict.unmodelled += models.strangers(row, model)
    if model in DOCUMENTED:
        verdict.undocumented += undocumented(row, model)


def _same(verdict: Verdict, path: str, wire: Mapping[str, Any], read: msgspec.Struct) -> None:
    """Compare every modelled field that is on the wire, and those inside it."""
    for field_ in msgspec.structs.fields(read):
        name = field_.encode_name
        if name in wire:
            _same_value(verdict, f"{path}{name}", wire[name], getattr(read, field_.name))


def _same_value(verdict: Verdict, path: str, wire: object, read: object) -> None:
    if isinstance(read, msgspec.Struct) and isinstance(wire, dict):
        return _same(verdict, f"{path}.", wire, read)
    if isinstance(read, list) and isinstance(wire, list) and len(read) == len(wire):
        for ours, theirs in zip(read, wire, strict=True):
            _same_value(verdict, path, theirs, ours)
        return None
    verdict.fields += 1
    if type(read) is not type(wire) or read != wire:
        verdict.different.append(f"{path}: read {read!r}, on the wire {wire!r}")
    return None
