"""A venue for tests of the worker: it keeps positions and orders, and misbehaves as it is told.

It takes orders as OKX does: after `expTime` it refuses, a name may be used again once its order is done, and what
it has accepted it has accepted, whether or not anybody hears of it.
"""

import asyncio
from collections import Counter, defaultdict, deque
from collections.abc import Callable, Collection, Coroutine
from dataclasses import dataclass, field
from decimal import Decimal
from enum import Enum, auto
from math import inf

from shared.domain.ids import AccountId, ClOrdId, InstId
from shared.domain.orders import Attempt
from shared.domain.outcomes import (
    Accepted,
    Category,
    NotPlaced,
    OrderReport,
    OrderState,
    Placement,
    Postponement,
    Refused,
    Unknown,
)
from shared.domain.quantities import ZERO, Contracts, Price, sign
from shared.ports import CouldNotAsk, GrantUnusable, Inquired, Placed, Shown, VenueClock


class Way(Enum):
    """What becomes of one order."""

    FILL = auto()
    HALF = auto()
    """Half of it fills, the rest is cancelled."""
    FILL_UNHEARD = auto()
    """It fills, and the answer is lost."""
    VANISH = auto()
    """It never arrives, and nobody knows."""
    HANG_FILLED = auto()
    """It fills, and the answer never comes."""
    HANG = auto()
    """It never arrives, and no answer comes."""
    REFUSE = auto()
    THROTTLE = auto()
    NOT_SENT = auto()
    DUPLICATE = auto()
    BREAK = auto()
    """Our own code fails."""


_ANSWERS: dict[Way, Placement] = {
    Way.REFUSE: Refused("51008", "", Category.FUNDS, "insufficient balance"),
    Way.DUPLICATE: Refused("51016", "", Category.DUPLICATE, "duplicated client order id"),
    Way.THROTTLE: NotPlaced(Postponement.THROTTLED, "50011"),
    Way.NOT_SENT: NotPlaced(Postponement.NOT_SENT),
    Way.VANISH: Unknown("no answer"),
}


@dataclass(frozen=True)
class Sent:
    """An order as it was handed over."""

    follower: AccountId
    inst_id: InstId
    name: ClOrdId
    change: Contracts
    reduce_only: bool
    expires_ms: int


class UnderWay:
    """Orders and questions on their way."""

    def __init__(self) -> None:
        self._tasks = set[asyncio.Task[None]]()

    def add(self, task: "asyncio.Task[None]") -> "asyncio.Task[None]":
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    def let_go(self) -> None:
        for task in self._tasks:
            task.cancel()


@dataclass
class PaperExchange:
    """Implements ports.Exchange."""

    venue: VenueClock
    ways: deque[Way] = field(default_factory=deque)
    """What becomes of the next orders, in the order they are handed over; then every order fills."""
    choose: Callable[[Attempt], Way | None] = lambda _attempt: None
    answer_s: float = 0.0
    tell_s: float = 0.0
    """How long the answer to a question is under way."""
    sent: list[Sent] = field(default_factory=list)
    accepted: list[Sent] = field(default_factory=list)
    orders: dict[tuple[AccountId, ClOrdId], OrderReport] = field(default_factory=dict)
    held: dict[tuple[AccountId, InstId], Decimal] = field(default_factory=lambda: defaultdict(Decimal))
    asked: list[ClOrdId] = field(default_factory=list)
    trouble: deque[Exception] = field(default_factory=deque)
    """Raised by the next questions, one each."""
    hidden: Counter[ClOrdId] = field(default_factory=Counter)
    """How many more questions for a name are answered as if there were none."""
    hide_all: bool = False
    """Whether every question for an order is answered as if there were none, and no fill is shown."""
    in_the_air: int = 0
    leave_before: list[float] = field(default_factory=list)
    """Until when each order was allowed to leave."""
    under_way: UnderWay = field(default_factory=UnderWay)

    def launch(self, attempt: Attempt, expires_ms: int, leave_before: float, placed: Placed) -> None:
        self.fly(attempt, expires_ms, leave_before, placed)

    async def place(self, attempt: Attempt, expires_ms: int, leave_before: float = inf) -> Placement:
        answer: asyncio.Future[Placement] = asyncio.get_running_loop().create_future()
        self.launch(attempt, expires_ms, leave_before, answer.set_result)
        return await answer

    def fly(self, attempt: Attempt, expires_ms: int, leave_before: float, placed: Placed) -> "asyncio.Task[None]":
        """Launch; the task is the order on its way."""
        self.leave_before.append(leave_before)
        sent = Sent(
            attempt.follower,
            attempt.intent.inst_id,
            attempt.cl_ord_id,
            attempt.intent.change,
            attempt.intent.reduce_only,
            expires_ms,
        )
        self.sent.append(sent)
        way = self.choose(attempt) or (self.ways.popleft() if self.ways else Way.FILL)
        if way is Way.BREAK:
            raise ZeroDivisionError("ours")
        return self.under_way.add(asyncio.get_running_loop().create_task(self._fly(attempt, sent, way, placed)))

    async def _fly(self, attempt: Attempt, sent: Sent, way: Way, placed: Placed) -> None:
        self.in_the_air += 1
        try:
            placement = await self._place(attempt, sent, way)
        finally:
            self.in_the_air -= 1
        placed(placement)

    async def _place(self, attempt: Attempt, sent: Sent, way: Way) -> Placement:
        if self.answer_s:
            await asyncio.sleep(self.answer_s)
        if way in _ANSWERS:
            return _ANSWERS[way]
        if way is Way.HANG:
            await asyncio.Event().wait()
        if self.venue.now_ms() > sent.expires_ms:
            return NotPlaced(Postponement.EXPIRED, "50036")
        order_id = self._accept(attempt, sent, Decimal("0.5") if way is Way.HALF else Decimal(1))
        if way is Way.HANG_FILLED:
            await asyncio.Event().wait()
        return Unknown("answer lost") if way is Way.FILL_UNHEARD else Accepted(order_id, self.venue.now_ms())

    def _accept(self, attempt: Attempt, sent: Sent, part: Decimal) -> str:
        """Fill it, at most what there is to reduce; a reduce-only order never opens."""
        key = (sent.follower, sent.inst_id)
        wanted = sent.change * part
        if sent.reduce_only:
            held = self.held[key]
            wanted = min(abs(wanted), abs(held)) * sign(wanted) if held * wanted < 0 else Decimal(0)
        self.held[key] += wanted
        self.accepted.append(sent)
        report = report_of(attempt, abs(wanted), order_id=f"venue-{len(self.accepted)}", at_ms=self.venue.now_ms())
        self.orders[sent.follower, sent.name] = report
        return report.order_id

    async def ask(self, follower: AccountId, inst_id: InstId, cl_ord_id: ClOrdId) -> OrderReport | None:
        del inst_id
        self._answer_or_fail()
        self.asked.append(cl_ord_id)
        shown = self._show(follower, cl_ord_id)
        if self.tell_s:
            await asyncio.sleep(self.tell_s)
        return shown

    def inquire(self, follower: AccountId, inst_id: InstId, cl_ord_id: ClOrdId, inquired: Inquired) -> None:
        self.question(follower, inst_id, cl_ord_id, inquired)

    def question(
        self, follower: AccountId, inst_id: InstId, cl_ord_id: ClOrdId, inquired: Inquired
    ) -> "asyncio.Task[None]":
        """Inquire; the task is the question on its way. Our own failures come at once."""
        if self.trouble and not isinstance(self.trouble[0], CouldNotAsk | GrantUnusable):
            raise self.trouble.popleft()

        async def inquire() -> None:
            inquired(await shown(self.ask(follower, inst_id, cl_ord_id)))

        return self.under_way.add(asyncio.get_running_loop().create_task(inquire()))

    def _show(self, follower: AccountId, cl_ord_id: ClOrdId) -> OrderReport | None:
        if self.hide_all:
            return None
        if self.hidden[cl_ord_id]:
            self.hidden[cl_ord_id] -= 1
            return None
        return self.orders.get((follower, cl_ord_id))

    async def has_fill(
        self, follower: AccountId, inst_id: InstId, names: Collection[ClOrdId], since_ms: int = 0
    ) -> bool:
        del inst_id, since_ms
        self._answer_or_fail()
        return not self.hide_all and any((follower, name) in self.orders for name in names)

    async def position(self, follower: AccountId, inst_id: InstId) -> Contracts:
        self._answer_or_fail()
        return Contracts(self.held[follower, inst_id])

    async def positions(self, follower: AccountId) -> dict[InstId, Contracts]:
        self._answer_or_fail()
        held = {inst_id: size for (account, inst_id), size in self.held.items() if account == follower}
        return {inst_id: Contracts(size) for inst_id, size in held.items() if size}

    def _answer_or_fail(self) -> None:
        if self.trouble:
            raise self.trouble.popleft()

    @property
    def names(self) -> list[ClOrdId]:
        """The names accepted, one per acceptance."""
        return [each.name for each in self.accepted]


class Hands:
    """One worker's hold on a paper venue: what it has on its way dies with it."""

    def __init__(self, exchange: PaperExchange) -> None:
        self._exchange, self._under_way = exchange, UnderWay()
        self.place, self.ask, self.has_fill = exchange.place, exchange.ask, exchange.has_fill
        self.position, self.positions, self.let_go = exchange.position, exchange.positions, self._under_way.let_go

    def launch(self, attempt: Attempt, expires_ms: int, leave_before: float, placed: Placed) -> None:
        self._under_way.add(self._exchange.fly(attempt, expires_ms, leave_before, placed))

    def inquire(self, follower: AccountId, inst_id: InstId, cl_ord_id: ClOrdId, inquired: Inquired) -> None:
        self._under_way.add(self._exchange.question(follower, inst_id, cl_ord_id, inquired))


async def shown(asking: Coroutine[None, None, OrderReport | None]) -> Shown:
    """Return what came of a question, as `inquire` tells it."""
    try:
        return await asking
    except (CouldNotAsk, GrantUnusable) as error:
        return error


def report_of(
    attempt: Attempt,
    filled: Decimal | int,
    *,
    state: OrderState | None = None,
    order_id: str = "venue-1",
    at_ms: int = 0,
) -> OrderReport:
    """Report on an attempt; done unless a state is given."""
    size = attempt.intent.size
    whole = OrderState.FILLED if Decimal(filled) == size else OrderState.CANCELED
    return OrderReport(
        cl_ord_id=attempt.cl_ord_id,
        order_id=order_id,
        side=attempt.intent.side,
        state=state or whole,
        size=size,
        filled=Contracts(Decimal(filled)),
        average=Price(Decimal(100)) if filled else None,
        fee=Decimal("-0.01") if filled else ZERO,
        fee_currency="USDT",
        updated_ms=at_ms,
    )
