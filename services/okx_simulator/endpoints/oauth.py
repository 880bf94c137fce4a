"""The token endpoint: flat answers, outside the envelope (OKX builder guide)."""

from typing import Any

from services.okx_simulator.access.consent import Consent
from services.okx_simulator.access.tokens import Tokens
from services.okx_simulator.calls import Call, Endpoint, Routes
from services.okx_simulator.wire.http import JSON, Answer, json_answer
from services.okx_simulator.wire.refusals import Refused

_FORM = "application/x-www-form-urlencoded"


class TokenDesk:
    """Gives pairs for codes, and replaces them."""

    def __init__(self, tokens: Tokens, consent: Consent, path: str, refused_status: int) -> None:
        self._tokens, self._consent = tokens, consent
        self._path = path
        self._refused_status = refused_status

    def routes(self) -> Routes:
        """Return the one endpoint."""
        return {self._path: {"POST": Endpoint(self.token, private=False)}}

    def token(self, call: Call) -> Answer:
        """Answer a code or a refresh token; JSON as OKX's guide shows, or a form as OAuth libraries send."""
        members = self._members(call)
        if members.get("grant_type") == "authorization_code":
            return json_answer(self._consent.exchange(members, call.request.headers.get("termid", "")))
        return json_answer(self._tokens.refresh(members))

    def _members(self, call: Call) -> dict[str, Any]:
        kind = call.request.headers.get("content-type", "")
        if kind.startswith(JSON):
            return call.members()
        if kind.startswith(_FORM):
            return dict(call.request.form())
        raise Refused("53010", status=self._refused_status)
