import asyncio

import httpx
from structlog.testing import capture_logs

from shared.telemetry.health import Health
from shared.telemetry.metrics import Meter


def client_of(health: Health) -> httpx.AsyncClient:
    return httpx.AsyncClient(transport=httpx.ASGITransport(health.app()), base_url="http://health")


async def test_a_service_is_ready_when_no_check_complains() -> None:
    async with client_of(Health(Meter("portal"), {"database": lambda: None})) as client:
        answer = await client.get("/readyz")

    assert (answer.status_code, answer.json()) == (200, {"ready": True, "reasons": {}})


async def test_a_service_says_why_it_is_not_ready_and_stays_alive() -> None:
    checks = {"database": lambda: None, "redis": lambda: "no answer for 3 s"}
    async with client_of(Health(Meter("portal"), checks)) as client:
        answer, alive = await client.get("/readyz"), await client.get("/livez")

    assert (answer.status_code, answer.json()) == (503, {"ready": False, "reasons": {"redis": "no answer for 3 s"}})
    assert alive.status_code == 200


async def test_metrics_are_served_as_prometheus_text() -> None:
    async with client_of(Health(Meter("portal"), {})) as client:
        answer = await client.get("/metrics")

    assert answer.headers["content-type"].startswith("text/plain")
    assert 'slipstream_process_info{service="portal"} 1.0' in answer.text


async def test_it_answers_on_a_real_socket_until_it_is_cancelled() -> None:
    health = Health(Meter("portal"), {})
    with capture_logs() as logs:
        async with asyncio.TaskGroup() as group:
            serving = group.create_task(health.serve("127.0.0.1", 0))
            while not logs:
                await asyncio.sleep(0)
            async with httpx.AsyncClient(base_url=logs[0]["url"]) as client:
                assert (await client.get("/livez")).status_code == 200
            serving.cancel()
