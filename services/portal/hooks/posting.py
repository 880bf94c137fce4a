"""The way out for webhooks: one request to an address that was checked, under the name it was checked for."""

import asyncio
from contextlib import suppress
from ipaddress import IPv6Address

import httpx

from services.portal.hooks.addresses import Address
from services.portal.hooks.guarding import Checked
from services.portal.hooks.targets import Target

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

    async def send(self, checked: Checked, headers: dict[str, str], body: bytes) -> int:
        """Send a message to the first of its addresses that takes a connection, and return the status.

        Raises:
            OSError: no answer in time, no connection, or a certificate that is not the name's.
        """
        try:
            async with asyncio.timeout(_ANSWER_S):
                for address in checked.addresses[:-1]:
                    with suppress(httpx.ConnectError):
                        return await self._send(checked.target, address, headers, body)
                return await self._send(checked.target, checked.addresses[-1], headers, body)
        except httpx.HTTPError as error:
            raise ConnectionError(type(error).__name__) from error

    async def _send(self, target: Target, address: Address, headers: dict[str, str], body: bytes) -> int:
        host = f"[{address}]" if isinstance(address, IPv6Address) else str(address)
        url = f"{target.scheme}://{host}:{target.port}{target.path}"
        named = {**headers, "host": target.authority, "user-agent": "slipstream-webhooks/1"}
        name = {"sni_hostname": target.host}
        async with self._http.stream("POST", url, content=body, headers=named, extensions=name) as answer:
            return answer.status_code
