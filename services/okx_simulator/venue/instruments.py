"""What is traded: an instrument's published fields, its price, and how much of it a taker finds."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from itertools import count
from typing import Final

from services.okx_simulator.wire.numbers import positive

# Every field of OKX's instruments endpoint, with what a linear USDT swap has there.
_SWAP: Final = {
    "instType": "SWAP", "instId": "", "instFamily": "", "uly": "", "category": "1", "baseCcy": "", "quoteCcy": "",
    "settleCcy": "USDT", "ctVal": "1", "ctMult": "1", "ctValCcy": "", "ctType": "linear", "optType": "", "stk": "",
    "listTime": "1573557408000", "expTime": "", "contTdSwTime": "", "preMktSwTime": "", "openType": "", "lever": "100",
    "tickSz": "0.1", "lotSz": "0.01", "minSz": "0.01", "alias": "", "state": "live", "ruleType": "normal",
    "maxLmtSz": "100000000", "maxMktSz": "12000", "maxLmtAmt": "20000000", "maxMktAmt": "",
    "maxTwapSz": "100000000.0000000000000000", "maxIcebergSz": "100000000.0000000000000000",
    "maxTriggerSz": "100000000.0000000000000000", "maxStopSz": "12000", "groupId": "4", "instCategory": "1",
    "initPxLmtPct": "0.02", "floatPxLmtPct": "0.02", "maxPxLmtPct": "0.05", "futureSettlement": False,
    "auctionEndTime": "",
}  # fmt: skip

_SPOT: Final = {
    "instType": "SPOT", "settleCcy": "", "ctVal": "", "ctMult": "", "ctValCcy": "", "ctType": "", "lever": "10",
    "maxMktAmt": "1000000", "maxMktSz": "1000000", "maxStopSz": "1000000", "groupId": "1",
}  # fmt: skip

_DEFAULTS: Final[tuple[tuple[dict[str, object], str], ...]] = (
    ({"instId": "BTC-USDT-SWAP", "ctVal": "0.01", "ctValCcy": "BTC", "instIdCode": 10459}, "60000"),
    ({"instId": "ETH-USDT-SWAP", "ctVal": "0.1", "ctValCcy": "ETH", "tickSz": "0.01", "maxMktSz": "20000",
      "instIdCode": 10461}, "3000"),
    ({"instId": "SOL-USDT-SWAP", "ctVal": "1", "ctValCcy": "SOL", "tickSz": "0.01", "maxMktSz": "40000",
      "instIdCode": 10471}, "150"),
    ({**_SPOT, "instId": "BTC-USDT", "baseCcy": "BTC", "quoteCcy": "USDT", "lotSz": "0.00000001",
      "minSz": "0.00001", "tickSz": "0.1", "instIdCode": 10455}, "60000"),
)  # fmt: skip

_CONTROLS: Final = frozenset({"px", "depth", "max_fill", "band"})
_LIFTABLE: Final = frozenset({"depth", "max_fill"})


@dataclass(slots=True)
class Instrument:
    """One instrument; numbers the matching needs are read once from the published fields."""

    fields: dict[str, object]
    px: Decimal
    depth: Decimal | None = None
    """The most one taking order finds before the rest of it stays unfilled; None is without end."""
    max_fill: Decimal | None = None
    """The largest single fill, so that one order fills in several; None is without end."""
    band: Decimal = Decimal("0.05")
    """How far from the price an aggressive limit may reach, as a ratio."""
    px_ms: int = 0
    trade_ids: Iterator[int] = field(default_factory=lambda: count(1_000_001))
    inst_id: str = ""
    inst_type: str = ""
    family: str = ""
    state: str = ""
    settle_ccy: str = ""
    contract: Decimal = Decimal(1)
    """Settlement currency per contract and unit of price: contract value times multiplier; 1 for spot."""
    lot: Decimal = Decimal(1)
    least: Decimal = Decimal(1)
    tick: Decimal = Decimal(1)
    most_limit: Decimal = Decimal(0)
    most_market: Decimal = Decimal(0)

    def __post_init__(self) -> None:
        self._read(self.fields)

    @property
    def is_spot(self) -> bool:
        """Whether it moves balances instead of a position."""
        return self.inst_type == "SPOT"

    def value(self, sz: Decimal, px: Decimal) -> Decimal:
        """Return what a size is worth in quote or settlement currency."""
        return sz * self.contract * px

    def buy_limit(self) -> Decimal:
        """Return the highest price a buy may name."""
        return self.px * (1 + self.band)

    def sell_limit(self) -> Decimal:
        """Return the lowest price a sell may name."""
        return self.px * (1 - self.band)

    def change(self, told: Mapping[str, object]) -> None:
        """Take published fields and the controls `px`, `depth`, `max_fill`, `band`; null lifts a control.

        Raises:
            ValueError: a number cannot be read; nothing changed.
        """
        controls = {name: _control(name, told[name]) for name in _CONTROLS & told.keys()}
        self._read({**self.fields, **{name: value for name, value in told.items() if name not in _CONTROLS}})
        for name, value in controls.items():
            if value is not None or name in _LIFTABLE:
                setattr(self, name, value)

    def _read(self, fields: dict[str, object]) -> None:
        """Take published fields over, and the numbers among them the matching needs."""
        text = {name: str(value) for name, value in fields.items()}
        contract = _number("ctVal", text["ctVal"] or "1") * _number("ctMult", text["ctMult"] or "1")
        names = ("lotSz", "minSz", "tickSz", "maxLmtSz", "maxMktSz")
        lot, least, tick, most_limit, most_market = (_number(name, text[name]) for name in names)
        self.fields, self.contract = fields, contract
        self.lot, self.least, self.tick, self.most_limit, self.most_market = lot, least, tick, most_limit, most_market
        self.inst_id, self.inst_type, self.state = text["instId"], text["instType"], text["state"]
        self.family, self.settle_ccy = text["instFamily"], text["settleCcy"]


class Market:
    """All instruments, by id and by the integer code WebSocket orders use."""

    def __init__(self, now_ms: int) -> None:
        self._now_ms = now_ms
        self.by_id: dict[str, Instrument] = {}
        self.by_code: dict[int, Instrument] = {}
        for fields, px in _DEFAULTS:
            self.upsert({**fields, "px": px})

    def upsert(self, told: Mapping[str, object]) -> Instrument:
        """Add an instrument, a linear swap unless told otherwise, or change the one there is.

        Raises:
            ValueError: `instId` is missing, a number cannot be read, or a new instrument has no `px`.
        """
        inst_id = told.get("instId")
        if not isinstance(inst_id, str) or not inst_id:
            raise ValueError(f"instId is {inst_id!r}; expected the id of an instrument, such as BTC-USDT-SWAP")
        known = self.by_id.get(inst_id)
        if known is not None:
            known.change(told)
            return known
        if "px" not in told:
            raise ValueError(f"{inst_id} is new and has no px; expected the price it trades at")
        return self._add(inst_id, told)

    def _add(self, inst_id: str, told: Mapping[str, object]) -> Instrument:
        base, _, rest = inst_id.partition("-")
        family = f"{base}-{rest.partition('-')[0]}"
        code = 20_000 + len(self.by_id)
        fields = {**_SWAP, "instFamily": family, "uly": family, "ctValCcy": base, "instIdCode": code}
        if told.get("instType") == "SPOT":
            fields |= {**_SPOT, "instFamily": "", "uly": ""}
        fields |= {"upcChg": [], "tradeQuoteCcyList": ["USDT"]}
        fields |= {name: value for name, value in told.items() if name not in _CONTROLS}
        instrument = Instrument(fields, _number("px", str(told["px"])), px_ms=self._now_ms)
        instrument.change({name: told[name] for name in ("depth", "max_fill", "band") if name in told})
        self.by_id[inst_id] = instrument
        given = fields["instIdCode"]
        if isinstance(given, int):
            self.by_code[given] = instrument
        return instrument


def _control(name: str, value: object) -> Decimal | None:
    return None if value is None else _number(name, str(value))


def _number(name: str, text: str) -> Decimal:
    value = positive(text)
    if value is None:
        raise ValueError(f"{name} is {text!r}; expected a number above 0")
    return value
