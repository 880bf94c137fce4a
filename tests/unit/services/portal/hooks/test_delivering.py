"""A message is sent until it is taken, or given up after a day; and nobody else waits for a receiver that is dead."""

import asyncio
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from ipaddress import ip_address

import pytest

from services.portal.hooks.addresses import Address
from services.portal.hooks.delivering import TRIES, Delivering, Waiting
from services.portal.hooks.guarding import Checked, Guard
from services.portal.metrics import Metrics
from shared.telemetry.metrics import Meter
from shared.vault.secret import Secret
from tests.support.clock import FakeClock

KEY = Secret("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
DAY_MS = 86_400_000


@dataclass
class Box:
    """One message, its receiver, and what was noted."""

    answers: list[int | OSError] = field(default_factory=list)
    sent: list[tuple[Checked, dict[str, str], bytes]] = field(default_factory=list)
    taken: list[int] = field(default_factory=list)
    again_ms: list[int | None] = field(default_factory=list)
    why: list[str] = field(default_factory=list)
    found: Sequence[str] = ("93.184.216.34",)

    async def send(self, checked: Checked, headers: dict[str, str], body: bytes) -> int:
        self.sent.append((checked, headers, body))
        answer = self.answers.pop(0)
        if isinstance(answer, OSError):
            raise answer
        return answer

    async def delivered(self, message: Waiting, status: int, now_ms: int) -> None:
        del message, now_ms
        self.taken.append(status)

    async def failed(self, message: Waiting, why: str, again_ms: int | None, now_ms: int) -> None:
        del message
        self.why.append(why)
        self.again_ms.append(again_ms if again_ms is None else again_ms - now_ms)

    async def addresses(self, host: str, port: int) -> Sequence[Address]:
        del host, port
        return [ip_address(each) for each in self.found]


def delivering(box: Box) -> Delivering:
    messages: object = box
    return Delivering(messages, Guard(box), box, FakeClock(), Metrics(Meter("test")))  # type: ignore[arg-type]  # only what delivering one message needs


def message(tries: int = 0) -> Waiting:
    return Waiting("msg_1", "wh_1", "https://hooks.example.com/in", KEY, '{"id":"a"}', tries)


@pytest.mark.parametrize("status", [200, 202, 204])
async def test_what_is_taken_is_noted_and_was_signed(status: int) -> None:
    box = Box([status])
    await delivering(box).deliver(message())
    assert box.taken == [status]
    ((checked, headers, body),) = box.sent
    assert (checked.addresses, body) == ([ip_address("93.184.216.34")], b'{"id":"a"}')
    assert headers["webhook-id"] == "msg_1"
    assert headers["webhook-signature"].startswith("v1,")


@pytest.mark.parametrize("answer", [301, 400, 404, 500, TimeoutError(), ConnectionRefusedError()])
async def test_anything_else_is_tried_again_later(answer: int | OSError) -> None:
    box = Box([answer])
    await delivering(box).deliver(message())
    assert (box.taken, len(box.why)) == ([], 1)
    (again_ms,) = box.again_ms
    assert again_ms is not None
    assert 5_000 <= again_ms <= 10_000


async def test_pauses_grow_to_about_a_day_in_all_and_then_it_is_given_up() -> None:
    box = Box([500] * TRIES)
    for tries in range(TRIES):
        await delivering(box).deliver(message(tries))
    assert box.again_ms[-1] is None
    pauses = [each for each in box.again_ms if each is not None]
    assert DAY_MS / 4 <= sum(pauses) <= DAY_MS
    assert pauses[-1] > 100 * pauses[0]


async def test_a_name_that_came_to_mean_our_own_network_is_not_spoken_to() -> None:
    box = Box([200], found=("169.254.169.254",))
    await delivering(box).deliver(message())
    assert (box.sent, box.taken) == ([], [])
    assert "public addresses only" in box.why[0]


@dataclass
class Boxes:
    """Two webhooks' messages; one receiver hangs."""

    rows: list[Waiting]
    claimed: list[str] = field(default_factory=list)
    flying: int = 0

    async def waiting(self, now_ms: int, per_hook: int, most: int) -> Sequence[Waiting]:
        del now_ms
        taken: Counter[str] = Counter()
        found = []
        for each in self.rows:
            if each.id not in self.claimed and taken[each.hook] < per_hook:
                taken[each.hook] += 1
                found.append(each)
        return found[:most]

    async def claim(self, message: Waiting, until_ms: int) -> bool:
        del until_ms
        self.claimed.append(message.id)
        return True

    async def delivered(self, message: Waiting, status: int, now_ms: int) -> None:
        del message, status, now_ms

    async def backlog(self, now_ms: int) -> tuple[int, int]:
        del now_ms
        return 0, 0

    async def send(self, checked: Checked, headers: dict[str, str], body: bytes) -> int:
        del headers, body
        if checked.target.host == "dead.example.com":
            await asyncio.sleep(60)
        return 204


async def test_a_receiver_that_hangs_holds_four_of_its_own_and_none_of_others() -> None:
    rows = [
        Waiting(f"msg_{name}_{number}", name, f"https://{name}.example.com/", KEY, "{}", 0)
        for name in ("dead", "well")
        for number in range(400)
    ]
    boxes, box = Boxes(rows), Box()
    messages: object = boxes
    work = Delivering(messages, Guard(box), boxes, FakeClock(auto=True), Metrics(Meter("test")))  # type: ignore[arg-type]  # only what sending needs
    task = asyncio.ensure_future(work.deliver_for_ever())
    for _ in range(20_000):
        await asyncio.sleep(0)
        if sum("well" in each for each in boxes.claimed) == 400:
            break
    task.cancel()
    assert Counter(each.split("_")[1] for each in boxes.claimed) == {"dead": 4, "well": 400}
