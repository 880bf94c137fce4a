"""An exchange at a desk, with scripted ways out."""

from shared.okx.authority import Authority
from shared.okx.errors import OkxError
from shared.okx.exchange import ExchangeLimits, OkxExchange
from shared.okx.protocol import Response
from shared.okx.rest import Patience, Rest, SiteWays
from shared.okx.venue_clock import OkxVenueClock
from tests.support.clock import FakeClock
from tests.unit.shared.okx.scripted import HeldCredentials, ScriptedWay, bearer, spoken

NOW_MS = 1_751_000_000_000


class CountedClock(OkxVenueClock):
    """A venue clock that counts how often it was told that it is off."""

    resyncs = 0

    def resync(self) -> None:
        self.resyncs += 1


class Desk:
    """An exchange with everything around it in a test's hands."""

    def __init__(
        self,
        *wire: Response | OkxError,
        rest: tuple[Response | OkxError, ...] = (),
        time: tuple[Response | OkxError, ...] = (),
        credentials: HeldCredentials | None = None,
    ) -> None:
        self.clock = FakeClock(NOW_MS, auto=True)
        self.wire, self.rest, self.time = ScriptedWay(*wire), ScriptedWay(*rest), ScriptedWay(*time)
        self.credentials = credentials or HeldCredentials([bearer()], bearer())
        self.venue = CountedClock(self.time, self.clock)
        ways = SiteWays(self.wire, Rest(self.rest, self.clock, self.venue, Patience(tries=2), lambda: 0.5))
        authority = Authority(self.credentials, self.venue, self.clock)
        self.exchange = OkxExchange({"www": ways}, authority, self.venue, "TAG1", ExchangeLimits(fill_pages=3))

    @property
    def tokens(self) -> list[str]:
        """The tokens orders went out with."""
        lines = [line for request in self.wire.sent for line in request.headers.decode().split("\r\n")]
        return [line.removeprefix("Authorization: Bearer ") for line in lines if line.startswith("Authorization")]


def refused(code: str) -> Response:
    return spoken({"code": code, "msg": "no", "data": []}, 401)
