"""Run unmodified OKX clients, each in an environment of its own, against the simulator, and print what they saw.

Code 0 when every check of every client holds. The environments are kept in build/conformance and made anew when their
locks change.
"""

import asyncio
import json
import os
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
BUILD = ROOT / "build" / "conformance"
TLS = {"ccxt": False, "python_okx": True}
"""Which clients there are, and whether they go over TLS: ccxt trusts no certificate but its own list's, the SDK's
WebSocket goes no other way."""

sys.path.insert(0, str(ROOT))  # this file is started by its path, and tests are found from the root

from tests.conformance.certificate import write_certificate  # noqa: E402 - after the path is set
from tests.conformance.telling import Venue  # noqa: E402
from tests.support.environments import environment  # noqa: E402
from tests.support.simulator import people, start_simulator  # noqa: E402

_CLIENT_S = 120


@dataclass(frozen=True, slots=True)
class Check:
    """One thing a client looked at."""

    client: str
    name: str
    ok: bool
    detail: str


def main() -> int:
    """Run every client; return the exit code."""
    checks = [check for client in TLS for check in asyncio.run(rehearse(client))]
    table = Table("client", "check", "holds", "seen", title="Unmodified clients against the simulator")
    for check in checks:
        table.add_row(check.client, check.name, "yes" if check.ok else "NO", check.detail)
    Console(width=120).print(table)
    failed = sum(1 for check in checks if not check.ok)
    print(f"{len(checks)} checks, {failed} failed")
    return 1 if failed else 0


async def rehearse(client: str) -> list[Check]:
    """Run one client against a simulator of its own."""
    python = environment(HERE / "requirements" / f"{client}.txt", BUILD)
    with tempfile.TemporaryDirectory() as folder:
        certificate, key = write_certificate(Path(folder))
        tls: dict[str, Any] = {"tls_certificate": certificate, "tls_key": key, "tls_trust": str(certificate)}
        async with start_simulator(**(tls if TLS[client] else {})) as sim:
            person = people(1)[0]
            await sim.add_accounts(person)
            keys = (person["api_key"], person["secret_key"], person["passphrase"])
            return list(await run_client(client, python, Venue(sim.rest_url, sim.ws_url, *keys), certificate))


async def run_client(client: str, python: Path, venue: Venue, certificate: Path) -> Iterator[Check]:
    """Run a client's script and read its checks; ending badly is a failed check too."""
    env = {
        **os.environ,
        "CONFORMANCE_VENUE": json.dumps(asdict(venue)),
        "SSL_CERT_FILE": str(certificate),
        "REQUESTS_CA_BUNDLE": str(certificate),
        "PYTHONPATH": str(ROOT),
        "NO_PROXY": "127.0.0.1",
    }
    process = await asyncio.create_subprocess_exec(
        str(python), str(HERE / f"{client}_client.py"),
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE, env=env,
    )  # fmt: skip
    try:
        out, err = await asyncio.wait_for(process.communicate(), _CLIENT_S)
    except TimeoutError:
        process.kill()
        out, err = await process.communicate()
    return checks_of(client, process.returncode, out.decode(), err.decode())


def checks_of(client: str, code: int | None, out: str, err: str) -> Iterator[Check]:
    """Yield the checks a client told, and one more for how it ended."""
    for line in out.splitlines():
        told: dict[str, Any] = json.loads(line)
        detail = str(told["seen"]) if told["ok"] else f"{told['seen']}; expected {told['expected']}"
        yield Check(client, told["check"], told["ok"], detail)
    last = err.strip().splitlines()[-1] if err.strip() else ""
    yield Check(client, "ran to its end", code == 0, f"code {code} {last if code else ''}".strip())


if __name__ == "__main__":
    sys.exit(main())
