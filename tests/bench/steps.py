"""What one order costs, step by step: the worker's own functions, without a socket between them.

Each step is run for every follower of a lane before the next begins, so that its time is its own. Best of some rounds,
in microseconds per order. What is missing against the whole worker is the loop, the sockets, TLS and Redis.
"""

import argparse
import gc
import json
import time
from collections.abc import Callable
from decimal import Decimal
from typing import TypeVar

from services.follower_worker.flights import Flight
from services.follower_worker.lane import Lane
from services.follower_worker.metrics import Metrics
from services.follower_worker.strands import Strand
from services.follower_worker.telling import tell_placement, tell_settled
from shared.domain.fills import TradeEvent
from shared.domain.ids import AccountId
from shared.domain.instruments import Market
from shared.domain.outcomes import OrderReport, OrderState, Placement
from shared.domain.quantities import Contracts, Price
from shared.domain.risk import Account, Situation
from shared.messages.lane import Commit, spell
from shared.okx import answers, protocol
from shared.okx.protocol import Request, Response
from shared.okx.signing import authorised
from shared.telemetry.metrics import Meter
from shared.vault.credentials import BearerToken
from shared.vault.secret import Secret
from tests.support.builders import NOON_MS, event, instrument, subscription
from tests.support.lanes import lane

T = TypeVar("T")
S = TypeVar("S")

INSTRUMENT = instrument(lot="0.01", contract_value="0.01")
MARKET = Market(Price(Decimal(60_000)), None, None, NOON_MS)
ACCOUNT = Account()
TOKEN = "t" * 300


class Steps:
    """Runs every step over a lane and remembers the best time of each."""

    def __init__(self, followers: int, events: int = 1) -> None:
        self._followers, self._events = followers, events
        self.best_us: dict[str, float] = {}
        self._metrics = Metrics(Meter("bench"))
        self._credentials = {
            f"follower-{number}": BearerToken(AccountId(f"follower-{number}"), 1, "www", Secret(f"{TOKEN}{number}"))
            for number in range(followers)
        }

    def round(self) -> None:
        """Copy one event to everybody, and measure how the next one is copied: everybody has a strand by then."""
        held = lane(*(subscription(follower=name, ratio=Decimal(3 + n % 97) / 50) for n, name in self._names()))
        _Quiet(self._followers).copy(held, event(0, 3, number=1, at_ms=NOON_MS))
        gc.collect()
        gc.disable()
        for number in range(1, self._events + 1):
            self.copy(held, event(3 * number, 3 * number + 3, number=number + 1, at_ms=NOON_MS))
        gc.enable()

    def copy(self, held: Lane, move: TradeEvent) -> None:
        """Take one event from its entry to settled and written."""
        strands = self._timed("fold the event into the book", lambda: held.apply(move, INSTRUMENT, NOON_MS))
        self._each("plan, size, limit, name", strands, lambda strand: _launch(held, strand))
        requests = self._each("spell the request", strands, self._spell)
        self._each("sign it", list(zip(requests, strands, strict=True)), self._sign)
        responses = [Response(200, _answer(strand)) for strand in strands]
        placed = self._each(
            "read the answer", list(zip(responses, strands, strict=True)),
            lambda pair: answers.read_placement(pair[0], _flight(pair[1]).attempt.cl_ord_id),
        )  # fmt: skip
        self._each(
            "take it, tell it, count it", list(zip(strands, placed, strict=True)), lambda p: self._take(held, *p)
        )
        self._commit(held, "commit: gather", "commit: encode")
        reports = [_report(strand) for strand in strands]
        self._each("settle and tell", list(zip(strands, reports, strict=True)), lambda p: _settle(held, *p))
        self._commit(held, "commit of the fills: gather", "commit of the fills: encode")

    def _names(self) -> list[tuple[int, str]]:
        return [(number, f"follower-{number}") for number in range(self._followers)]

    def _spell(self, strand: Strand) -> Request:
        return protocol.place_order(_flight(strand).attempt, "slipbench", NOON_MS + 1_000)

    def _sign(self, pair: tuple[Request, Strand]) -> Request:
        return authorised(pair[0], self._credentials[pair[1].key.follower], NOON_MS)

    def _take(self, held: Lane, strand: Strand, placed: Placement) -> None:
        flight = _flight(strand)
        strand.answered(placed)
        self._metrics.answered(placed, 12)
        held.tell(strand, tell_placement(strand, flight, placed, 1, NOON_MS))
        self._metrics.sent(20)
        held.touch(strand)

    def _commit(self, held: Lane, gather: str, encode: str) -> None:
        commits: list[Commit] = []

        def gather_all() -> None:
            while written := held.prepare():
                held.wrote(written)
                commits.append(written.commit)

        self._timed(gather, gather_all)
        self._timed(encode, lambda: [spell(commit) for commit in commits])

    def _each(self, name: str, over: list[S], do: Callable[[S], T]) -> list[T]:
        return self._timed(name, lambda: [do(each) for each in over])

    def _timed(self, name: str, do: Callable[[], T]) -> T:
        began = time.perf_counter_ns()
        result = do()
        spent_us = (time.perf_counter_ns() - began) / 1_000 / self._followers
        self.best_us[name] = min(spent_us, self.best_us.get(name, spent_us))
        return result


class _Quiet(Steps):
    """Takes an event without measuring."""

    def _timed(self, name: str, do: Callable[[], T]) -> T:
        del name
        return do()


def _flight(strand: Strand) -> Flight:
    if strand.flight is None:
        raise RuntimeError(f"nothing is in flight for {strand.key}; expected an order")
    return strand.flight


def _launch(held: Lane, strand: Strand) -> None:
    situation = Situation(strand.book, held.subscription(strand.key), ACCOUNT, INSTRUMENT, MARKET, NOON_MS)
    named, _ = strand.next(situation)
    if named is None:
        raise RuntimeError(f"nothing to place for {strand.key}; expected every follower to copy")
    strand.launch(named, NOON_MS + 1_000, NOON_MS)


def _answer(strand: Strand) -> bytes:
    name = _flight(strand).attempt.cl_ord_id
    item = f'{{"clOrdId":"{name}","ordId":"10001","sCode":"0","sMsg":"","subCode":"","tag":"","ts":"{NOON_MS}"}}'
    return f'{{"code":"0","data":[{item}],"inTime":"1","msg":"","outTime":"1"}}'.encode()


def _report(strand: Strand) -> OrderReport:
    named = _flight(strand).attempt
    return OrderReport(
        named.cl_ord_id, "10001", named.intent.side, OrderState.FILLED, named.intent.size,
        Contracts(named.intent.size), Price(Decimal(60_000)), Decimal("-0.01"), "USDT", NOON_MS,
    )  # fmt: skip


def _settle(held: Lane, strand: Strand, report: OrderReport) -> None:
    flight = _flight(strand)
    strand.settle(report)
    held.tell(strand, tell_settled(strand, flight, report, 1, NOON_MS))
    held.touch(strand)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--followers", type=int, default=2_000)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--events", type=int, default=1, help="events a round, after the one that makes the strands")
    parser.add_argument("--json", action="store_true")
    told = parser.parse_args()
    steps = Steps(told.followers, told.events)
    for _ in range(told.rounds):
        steps.round()
    if told.json:
        print(json.dumps(steps.best_us))
        return
    for name, spent_us in steps.best_us.items():
        print(f"{spent_us:7.2f} us  {name}")
    print(f"{sum(steps.best_us.values()):7.2f} us  in all")


if __name__ == "__main__":
    main()
