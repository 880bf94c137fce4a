"""The server's lives, on a real one: it comes back with everything, with less, with nothing, or as its replica."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import redis

from deploy.chaos.server import Mortal


@pytest.fixture
def mortal(tmp_path: Path) -> Iterator[Mortal]:
    made = Mortal(tmp_path)
    made.start()
    yield made
    made.stop()


def told(mortal: Mortal) -> dict[str, str | None]:
    with redis.Redis(port=mortal.port, decode_responses=True) as client:
        return {name: client.get(name) for name in ("early", "late")}


def tell(mortal: Mortal, name: str) -> None:
    with redis.Redis(port=mortal.port) as client:
        client.set(name, "said")


def run_id(mortal: Mortal) -> str:
    with redis.Redis(port=mortal.port, decode_responses=True) as client:
        return str(client.info("server")["run_id"])


async def test_killed_it_comes_back_with_everything(mortal: Mortal) -> None:
    tell(mortal, "early")
    before = run_id(mortal)
    await mortal.come_back(0)
    assert told(mortal) == {"early": "said", "late": None}
    assert run_id(mortal) != before


async def test_it_comes_back_with_what_it_remembers(mortal: Mortal) -> None:
    tell(mortal, "early")
    mortal.remember()
    tell(mortal, "late")
    await mortal.come_back_older(0)
    assert told(mortal) == {"early": "said", "late": None}


async def test_it_comes_back_with_nothing(mortal: Mortal) -> None:
    tell(mortal, "early")
    await mortal.come_back_empty(0)
    assert told(mortal) == {"early": None, "late": None}


async def test_a_replica_takes_its_place_without_what_it_missed(mortal: Mortal) -> None:
    tell(mortal, "early")
    first = mortal.port

    async def late() -> None:
        with redis.Redis(port=first) as client:
            client.set("late", "said")

    await mortal.fail_over(0.2, late)
    assert mortal.port != first
    assert told(mortal) == {"early": "said", "late": None}
    tell(mortal, "late")
    assert told(mortal) == {"early": "said", "late": "said"}


def test_stopped_it_answers_when_it_goes_on(mortal: Mortal) -> None:
    mortal.pause()
    with redis.Redis(port=mortal.port, socket_timeout=0.2) as client, pytest.raises(redis.TimeoutError):
        client.ping()
    mortal.go_on()
    assert told(mortal) == {"early": None, "late": None}
