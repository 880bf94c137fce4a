"""The way out for webhooks: one request to the very address that was checked, under the name it was checked for."""

import asyncio
import socket
from collections.abc import Sequence

import httpx

from services.portal.hooks.guard import Target

_ANSWER_S = 10.0


class HttpPost:
    """`delivering.Post`. Follows nothing, keeps nothing, and reads no more of an answer than its status."""

    def __init__(self) -> None:
        self._http = httpx.AsyncClient(
            timeout=_ANSWER_S, follow_redirects=False, trust_env=False, limits=httpx.Limits(max_keepalive_connections=0)
        )

    async def close(self) -> None:
        """Close what is open."""
        await self._http.aclose()

    async def send(self, target: Target, headers: dict[str, str], body: bytes) -> int:
        """Send a message and return the status.

        Raises:
            OSError: no answer in time, no connection, or a certificate that is not the name's.
        """
        named = {**headers, "host": _host(target), "user-agent": "slipstream-webhooks/1"}
        extensions = {"sni_hostname": target.host}
        try:
            async with asyncio.timeout(_ANSWER_S):
                request = self._http.stream("POST", target.url, content=body, headers=named, extensions=extensions)
                async with request as answer:
                    return answer.status_code
        except httpx.HTTPError as error:
            raise ConnectionError(type(error).__name__) from error


def _host(target: Target) -> str:
    host = f"[{target.host}]" if ":" in target.host else target.host
    usual = {"https": 443, "http": 80}[target.scheme]
    return host if target.port == usual else f"{host}:{target.port}"


async def resolve(host: str, port: int) -> Sequence[str]:
    """Return every address of a host. OSError if it has none."""
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [str(address[0]) for *_, address in found]
