"""The account over REST: configuration, balance, positions, leverage, what it may trade."""

from collections.abc import Iterable
from decimal import Decimal
from typing import Any, Final

from services.okx_simulator.access.throttle import Limit
from services.okx_simulator.calls import Call, Endpoint, Routes
from services.okx_simulator.clock import VenueClock
from services.okx_simulator.endpoints.market import instrument_rows
from services.okx_simulator.rows.account import balance_row, config_row, position_row
from services.okx_simulator.venue.accounts import Account
from services.okx_simulator.venue.afford import leverage
from services.okx_simulator.venue.instruments import Instrument, Market
from services.okx_simulator.wire.http import Answer, envelope
from services.okx_simulator.wire.numbers import positive, wire
from services.okx_simulator.wire.refusals import Refused, empty, parameter

_MODES: Final = ("cross", "isolated")


class AccountDesk:
    """Answers from the books of one account at a time."""

    def __init__(self, market: Market, clock: VenueClock) -> None:
        self._market = market
        self._clock = clock

    def routes(self) -> Routes:
        """Return the endpoints under account/ and asset/."""
        return {
            "/api/v5/account/config": {"GET": Endpoint(self.config, limit=Limit("config", 5))},
            "/api/v5/account/balance": {"GET": Endpoint(self.balance, limit=Limit("balance", 10))},
            "/api/v5/account/positions": {"GET": Endpoint(self.positions, limit=Limit("positions", 10))},
            "/api/v5/account/instruments": {"GET": Endpoint(self.instruments, limit=Limit("account instruments", 20))},
            "/api/v5/account/leverage-info": {"GET": Endpoint(self.leverage_info, limit=Limit("leverage-info", 20))},
            "/api/v5/account/set-leverage": {
                "POST": Endpoint(self.set_leverage, trades=True, limit=Limit("set-leverage", 20))
            },
        }

    def config(self, call: Call) -> Answer:
        """Return the account's configuration."""
        return envelope([config_row(call.account, call.perm)])

    def balance(self, call: Call) -> Answer:
        """Return the balance, of the currencies named in `ccy` or of all."""
        named = call.request.query().get("ccy", "")
        ccys = frozenset(named.split(",")) if named else frozenset[str]()
        return envelope([balance_row(call.account, self._market, self._clock.now_ms(), ccys)])

    def positions(self, call: Call) -> Answer:
        """Return open positions, filtered by `instType`, `instId` and `posId` (both lists)."""
        query = call.request.query()
        inst_ids, pos_ids = query.get("instId", ""), query.get("posId", "")
        positions = [
            position
            for position in call.account.open_positions()
            if query.get("instType") in (None, position.instrument.inst_type)
            and (not inst_ids or position.instrument.inst_id in inst_ids.split(","))
            and (not pos_ids or position.pos_id in pos_ids.split(","))
        ]
        return envelope([position_row(call.account, position) for position in positions])

    def instruments(self, call: Call) -> Answer:
        """Return the instruments this account may trade."""
        return envelope(instrument_rows(self._market, call.request.query()))

    def leverage_info(self, call: Call) -> Answer:
        """Return leverage per instrument; in long/short mode one row per side."""
        query = call.request.query()
        mode = query.get("mgnMode", "")
        if mode not in _MODES:
            raise empty("mgnMode") if not mode else parameter("mgnMode")
        instruments = [self._instrument(inst_id) for inst_id in query.get("instId", "").split(",") if inst_id]
        return envelope([row for each in instruments for row in _leverage_rows(call.account, each, mode)])

    def set_leverage(self, call: Call) -> Answer:
        """Set the leverage of one instrument and margin mode."""
        members = call.members()
        instrument = self._instrument(str(members.get("instId") or ""))
        mode, pos_side = str(members.get("mgnMode") or ""), str(members.get("posSide") or "")
        lever = positive(members.get("lever"))
        if mode not in _MODES:
            raise parameter("mgnMode")
        if lever is None or lever > Decimal(str(instrument.fields["lever"])):
            raise parameter("lever")
        hedged = mode == "isolated" and call.account.pos_mode == "long_short_mode"
        if (pos_side in ("long", "short")) != hedged:
            raise parameter("posSide")
        call.account.leverage[instrument.inst_id, mode, pos_side if hedged else ""] = lever
        row = {"instId": instrument.inst_id, "lever": wire(lever), "mgnMode": mode, "posSide": pos_side}
        return envelope([row])

    def _instrument(self, inst_id: str) -> Instrument:
        instrument = self._market.by_id.get(inst_id)
        if instrument is None:
            raise Refused("51001") if inst_id else empty("instId")
        return instrument


def _leverage_rows(account: Account, instrument: Instrument, mode: str) -> Iterable[dict[str, Any]]:
    sides = ("net",) if account.pos_mode == "net_mode" else ("long", "short")
    for side in sides:
        lever = wire(leverage(account, (instrument.inst_id, mode, side)))
        yield {"instId": instrument.inst_id, "ccy": "", "mgnMode": mode, "posSide": side, "lever": lever}
