"""Accounts over the control door."""

from decimal import Decimal
from typing import Any, Literal

import msgspec

from services.okx_simulator.access.tokens import Tokens
from services.okx_simulator.calls import Call, Routes
from services.okx_simulator.control.replies import door, told
from services.okx_simulator.settings import Settings
from services.okx_simulator.venue.accounts import Account, Accounts, Credentials
from services.okx_simulator.wire.numbers import wire


class AccountSpec(msgspec.Struct, forbid_unknown_fields=True):
    """An account to make; one of the same uid is replaced, orders and positions with it."""

    uid: str
    role: Literal["leader", "follower"] = "follower"
    api_key: str = ""
    secret_key: str = ""
    passphrase: str = ""
    access_token: str = ""
    refresh_token: str = ""
    expires_in_s: int = 3_600
    acct_lv: Literal["1", "2", "3", "4"] = "2"
    pos_mode: Literal["net_mode", "long_short_mode"] = "net_mode"
    perm: str = "read_only,trade"
    frozen: bool = False
    balances: dict[str, Decimal] = msgspec.field(default_factory=lambda: {"USDT": Decimal(1_000_000)})


class ConsentSpec(msgspec.Struct, forbid_unknown_fields=True):
    """A pair that an account's owner consents to anew; orders and positions stay."""

    uid: str
    access_token: str
    refresh_token: str = ""
    expires_in_s: int = 3_600


class AccountDoor:
    """Makes accounts and shows them."""

    def __init__(self, accounts: Accounts, tokens: Tokens, settings: Settings) -> None:
        self._accounts = accounts
        self._tokens = tokens
        self._settings = settings

    def routes(self) -> Routes:
        """Return the control paths of accounts."""
        return {
            "/control/accounts": {"POST": door(self.make)},
            "/control/accounts/*": {"GET": door(self.show)},
            "/control/grants": {"POST": door(self.consent)},
            "/control/positions": {"GET": door(self.positions)},
        }

    def make(self, call: Call) -> dict[str, int]:
        """Make accounts, any number at once."""
        specs = told(call, list[AccountSpec])
        for spec in specs:
            self._make(spec)
        return {"count": len(specs)}

    def consent(self, call: Call) -> dict[str, str]:
        """Put a new pair in force for an account that is there; the pair before it is unknown from now on."""
        spec = told(call, ConsentSpec)
        account = self._accounts.by_uid.get(spec.uid)
        if account is None:
            raise ValueError(f"there is no account {spec.uid!r}; expected the uid of one made before")
        self._tokens.grant(account, spec.access_token, spec.refresh_token, spec.expires_in_s)
        return {"uid": spec.uid}

    def show(self, call: Call) -> dict[str, Any]:
        """Show one account as it is; tokens and keys are not shown."""
        uid = call.request.path.rpartition("/")[2]
        account = self._accounts.by_uid.get(uid)
        if account is None:
            raise ValueError(f"there is no account {uid!r}; expected the uid of one made before")
        return {
            "uid": uid,
            "role": account.role,
            "positions": {inst_id: wire(pos) for inst_id, pos in account.net.items() if pos},
            "balances": {ccy: wire(cash) for ccy, cash in account.balances.items()},
            "orders": account.order_count,
            "pending": len(account.pending),
            "fills": len(account.fills),
            "sessions": len(account.listeners),
            "refreshes": account.refreshes,
        }

    def positions(self, _call: Call) -> dict[str, dict[str, str]]:
        """Show every account's signed positions that are not flat, summed over margin modes and sides."""
        return {
            uid: {inst_id: wire(pos) for inst_id, pos in account.net.items() if pos}
            for uid, account in self._accounts.by_uid.items()
        }

    def _make(self, spec: AccountSpec) -> None:
        credentials = Credentials(spec.api_key, spec.secret_key, spec.passphrase) if spec.api_key else None
        account = Account(
            uid=spec.uid,
            role=spec.role,
            acct_lv=spec.acct_lv,
            pos_mode=spec.pos_mode,
            perm=spec.perm,
            frozen=spec.frozen,
            credentials=credentials,
            token_life_s=spec.expires_in_s,
            balances=dict(spec.balances),
            default_leverage=self._settings.default_leverage,
        )
        self._accounts.add(account)
        self._tokens.forget(spec.uid)
        if spec.access_token:
            self._tokens.grant(account, spec.access_token, spec.refresh_token, spec.expires_in_s)
