"""From a request to its answer: route, evidence, admission, rate, handler; every refusal becomes OKX's words."""

from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import parse_qs

from services.okx_simulator.access.gate import Gate
from services.okx_simulator.access.throttle import Limit, Throttle
from services.okx_simulator.calls import NO_PLAN, Call, Endpoint, Routes
from services.okx_simulator.clock import VenueClock
from services.okx_simulator.evidence import Evidence, OrderRow
from services.okx_simulator.faults import HEAD, Fault, Faults, Plan, Scene
from services.okx_simulator.stats import Stats
from services.okx_simulator.wire.http import Answer, Request, refusal
from services.okx_simulator.wire.refusals import Refused

_LOOPBACK: Final = ("127.0.0.1", "::1")
_OWN: Final = ("/control/", "/metrics", "/livez", "/readyz")


class Gateway:
    """Answers requests; synchronous, so that each is one step for the whole venue."""

    def __init__(
        self,
        routes: Routes,
        gate: Gate,
        throttle: Throttle,
        faults: Faults,
        evidence: Evidence,
        clock: VenueClock,
    ) -> None:
        self._routes = routes
        self._gate = gate
        self._throttle = throttle
        self._faults = faults
        self._evidence = evidence
        self._clock = clock
        self.stats = Stats()

    def strikes_head(self, request: Request) -> bool:
        """Tell whether a fault resets the connection now that the head is there; the order it held is evidence."""
        if not self._faults or _is_own(request.path):
            return False
        fault = self._faults.strike(HEAD, self._scene(request, ()))
        if fault is None:
            return False
        endpoint = self._routes.get(request.path, {}).get(request.method)
        if endpoint is not None and endpoint.orders:
            self._evidence.add(self._row(request, {}, fault.kind))
        self.stats.count(request.method, self._pattern(request.path), fault.kind)
        return True

    def plan(self, request: Request) -> Plan:
        """Decide which faults a whole request meets."""
        if not self._faults or _is_own(request.path):
            return NO_PLAN
        endpoint = self._routes.get(request.path, {}).get(request.method)
        orders = tuple(_orders_in(request)) if endpoint is not None else ()
        return self._faults.plan(self._scene(request, orders))

    def answer(self, request: Request, plan: Plan = NO_PLAN) -> tuple[Answer, list[OrderRow]]:
        """Process a request; return its answer and the evidence rows to be marked once it was sent."""
        call = Call(request, plan)
        try:
            answer = self._handle(call)
        except Refused as refused:
            for row in call.rows:
                row.sCode = refused.code
            answer = refusal(refused)
        self.stats.count(request.method, self._pattern(request.path), answer.code)
        return answer, call.rows

    def turn_away(self, request: Request, fault: Fault) -> list[OrderRow]:
        """Record orders that a fault keeps from being processed."""
        endpoint = self._routes.get(request.path, {}).get(request.method)
        rows = self._witness(request, fault.kind) if endpoint is not None and endpoint.orders else []
        for row in rows:
            row.sCode = "50011" if fault.kind == "throttle" else ""
        self.stats.count(request.method, self._pattern(request.path), fault.kind)
        return rows

    def _handle(self, call: Call) -> Answer:
        request = call.request
        endpoint = self._endpoint(request)
        if endpoint.orders:
            call.rows = self._witness(request, call.plan.kind)
        if endpoint.private:
            call.owner, call.perm = self._gate.admit(request, trades=endpoint.trades)
        if endpoint.limit is not None:
            self._count(endpoint.limit, call)
        return endpoint.handle(call)

    def _endpoint(self, request: Request) -> Endpoint:
        methods = self._routes.get(request.path)
        if methods is None:
            methods = self._by_prefix(request.path)
        if methods is None:
            raise Refused("404")
        endpoint = methods.get(request.method)
        if endpoint is None:
            raise Refused("50115")
        if request.path.startswith("/control/") and request.peer not in _LOOPBACK:
            raise Refused("404")
        return endpoint

    def _by_prefix(self, path: str) -> dict[str, Endpoint] | None:
        """Find a route whose last segment is a name: control paths such as /control/accounts/{uid}."""
        parent, _, last = path.rpartition("/")
        return self._routes.get(f"{parent}/*") if last else None

    def _pattern(self, path: str) -> str:
        """Name a path for statistics: one that clients make up must not become a label."""
        if path in self._routes:
            return path
        return f"{path.rpartition('/')[0]}/*" if self._by_prefix(path) else "unknown"

    def _count(self, limit: Limit, call: Call) -> None:
        by_user = limit.keyed.startswith("user")
        who = call.account.uid if by_user else call.request.peer
        inst_id = call.request.query().get("instId", "") if limit.keyed.endswith("inst") else ""
        self._throttle.check(limit, who, inst_id)

    def _scene(self, request: Request, orders: tuple[Mapping[str, Any], ...]) -> Scene:
        account = self._gate.seems(request.headers)
        uid, role = (account.uid, account.role) if account is not None else ("", "")
        return Scene(request.method, request.path, uid, role, orders)

    def _witness(self, request: Request, fault: str | None) -> list[OrderRow]:
        members = _orders_in(request) or [{}]
        rows = []
        for each in members:
            row = self._row(request, each, fault)
            self._evidence.add(row)
            rows.append(row)
        return rows

    def _row(self, request: Request, members: Mapping[str, Any], fault: str | None) -> OrderRow:
        account = self._gate.seems(request.headers)
        uid = "" if account is None else account.uid
        row = OrderRow.of(members, self._evidence.next, self._clock.true_us(), uid, fault)
        row.expTime = request.headers.get("exptime", "")
        return row


def _is_own(path: str) -> bool:
    return path.startswith(_OWN)


def _orders_in(request: Request) -> list[dict[str, Any]]:
    """Return the order-like objects of a request, none for anything unreadable: it is looked at, not judged."""
    if not request.body:
        query = parse_qs(request.query_text)
        return [{name: values[0] for name, values in query.items()}] if query else []
    try:
        body = request.json()
    except ValueError:
        return []
    elements = body if isinstance(body, list) else [body]
    return [each for each in elements if isinstance(each, dict)]
