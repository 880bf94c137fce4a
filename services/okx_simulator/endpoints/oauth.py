"""The token endpoint: flat answers, outside the envelope (OKX builder guide)."""

from services.okx_simulator.access.tokens import Tokens
from services.okx_simulator.calls import Call, Endpoint, Routes
from services.okx_simulator.wire.http import JSON, Answer, json_answer
from services.okx_simulator.wire.refusals import Refused


class TokenDesk:
    """Replaces token pairs."""

    def __init__(self, tokens: Tokens, path: str, refused_status: int) -> None:
        self._tokens = tokens
        self._path = path
        self._refused_status = refused_status

    def routes(self) -> Routes:
        """Return the one endpoint."""
        return {self._path: {"POST": Endpoint(self.token, private=False)}}

    def token(self, call: Call) -> Answer:
        """Answer a refresh; the only grant type there is."""
        if not call.request.headers.get("content-type", "").startswith(JSON):
            raise Refused("53010", status=self._refused_status)
        return json_answer(self._tokens.refresh(call.members()))
