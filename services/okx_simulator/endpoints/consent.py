"""The page on which a user lets an application in: signs in by choosing an account, allows or refuses."""

from html import escape
from typing import Final

from services.okx_simulator.access.consent import SCOPES, Asked, Consent
from services.okx_simulator.calls import Call, Endpoint, Routes
from services.okx_simulator.venue.accounts import Accounts
from services.okx_simulator.wire.http import Answer
from services.okx_simulator.wire.refusals import Refused

_HTML: Final = "text/html; charset=utf-8"
_FOUND: Final = 302
_BAD: Final = 400
_SHEET: Final = (
    "<!doctype html><html lang=en><meta charset=utf-8><meta name=viewport content='width=device-width'>"
    "<title>Paper OKX</title><style>body{{font:16px/1.5 system-ui;max-width:30rem;margin:4rem auto;padding:0 1rem}}"
    "button,select{{font:inherit;padding:.5rem 1rem;margin:.5rem .5rem 0 0}}.no{{color:#a00}}</style>"
    "<h1>Paper OKX</h1>{body}</html>"
)


class ConsentDesk:
    """Shows the page and takes the answer."""

    def __init__(self, consent: Consent, accounts: Accounts, path: str) -> None:
        self._consent, self._accounts, self._path = consent, accounts, path

    def routes(self) -> Routes:
        """Return the page, and where its form goes."""
        return {
            self._path: {
                "GET": Endpoint(self.show, private=False),
                "POST": Endpoint(self.decide, private=False),
            }
        }

    def show(self, call: Call) -> Answer:
        """Show what is asked for, or why it cannot be."""
        try:
            asked = self._consent.asked(call.request.query())
        except Refused as refused:
            return _page(
                f"<p class=no>This application cannot be let in: {escape(str(refused))}</p>", _BAD, refused.code
            )
        options = "".join(
            f"<option value='{escape(uid)}'>{escape(uid)} ({escape(account.role)})</option>"
            for uid, account in self._accounts.by_uid.items()
        )
        return _page(
            f"<p>An application wants to <b>{SCOPES[asked.scope]}</b>.</p>"
            f"<form method=post action='{escape(call.request.target)}'>"
            f"<label>Account <select name=uid>{options}</select></label><br>"
            "<button name=decision value=allow>Allow</button><button name=decision value=refuse>Refuse</button></form>"
        )

    def decide(self, call: Call) -> Answer:
        """Send the browser back with a code, or with a refusal."""
        asked, form = self._consent.asked(call.request.query()), call.request.form()
        return Answer(b"", _FOUND, _HTML, "0", self._answer(asked, form, call.request.headers.get("host", "")))

    def _answer(self, asked: Asked, form: dict[str, str], host: str) -> str:
        if form.get("decision") != "allow":
            return self._consent.deny(asked, host)
        account = self._accounts.by_uid.get(form.get("uid", ""))
        if account is None:
            raise Refused("53009")
        if account.frozen:
            raise Refused("53004")
        return self._consent.approve(asked, account, host)


def _page(body: str, status: int = 200, code: str = "0") -> Answer:
    return Answer(_SHEET.format(body=body).encode(), status, _HTML, code)
