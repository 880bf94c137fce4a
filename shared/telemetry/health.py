"""Health over HTTP: is this process alive, may it be given work, what do its metrics say.

`/livez` answers 200 as long as the event loop turns and no alive check complains; `/readyz` answers 503 with its
reasons; `/metrics` is the Prometheus text format. The server runs inside the service's own loop, so a blocked loop is
seen.
"""

from collections.abc import Callable, Mapping
from http import HTTPStatus

from prometheus_client import CONTENT_TYPE_LATEST
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from shared.telemetry.metrics import Meter
from shared.telemetry.serving import serve

Check = Callable[[], str | None]
"""Returns why not, in words, or None. Called in the loop at every request: it reads memory, it asks nobody."""


class Health:
    """What a service answers when asked how it is."""

    def __init__(self, meter: Meter, ready: Mapping[str, Check], alive: Mapping[str, Check] | None = None) -> None:
        self._meter = meter
        self._ready = dict(ready)
        self._alive = dict(alive or {})

    def app(self) -> Starlette:
        """Return the ASGI application with the three routes."""
        return Starlette(
            routes=[
                Route("/livez", self._answer_alive),
                Route("/readyz", self._answer_ready),
                Route("/metrics", self._answer_metrics),
            ]
        )

    async def serve(self, host: str, port: int) -> None:
        """Answer until cancelled; port 0 takes a free one. Logs the address.

        Raises:
            OSError: the address is taken or is not ours.
        """
        await serve(self.app(), host, port, "telemetry_listening")

    async def _answer_alive(self, _request: Request) -> Response:
        return _verdict("alive", self._alive)

    async def _answer_ready(self, _request: Request) -> Response:
        return _verdict("ready", self._ready)

    async def _answer_metrics(self, _request: Request) -> Response:
        return Response(self._meter.render(), headers={"Content-Type": CONTENT_TYPE_LATEST})


def _verdict(word: str, checks: Mapping[str, Check]) -> JSONResponse:
    answers = {name: check() for name, check in checks.items()}
    reasons = {name: reason for name, reason in answers.items() if reason is not None}
    status = HTTPStatus.SERVICE_UNAVAILABLE if reasons else HTTPStatus.OK
    return JSONResponse({word: not reasons, "reasons": reasons}, status_code=status)
