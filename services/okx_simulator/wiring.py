"""The one place where the venue's parts are made and handed to each other."""

from dataclasses import dataclass

from services.okx_simulator.access.consent import Consent
from services.okx_simulator.access.gate import Gate
from services.okx_simulator.access.throttle import Throttle
from services.okx_simulator.access.tokens import Tokens
from services.okx_simulator.clock import VenueClock
from services.okx_simulator.control.partner import PartnerDoor
from services.okx_simulator.control.people import AccountDoor
from services.okx_simulator.control.records import RecordDoor
from services.okx_simulator.control.trading import TradingDoor
from services.okx_simulator.control.trouble import FaultDoor
from services.okx_simulator.endpoints.account import AccountDesk
from services.okx_simulator.endpoints.broker import BrokerDesk
from services.okx_simulator.endpoints.consent import ConsentDesk
from services.okx_simulator.endpoints.history import History
from services.okx_simulator.endpoints.keys import KeyDesk
from services.okx_simulator.endpoints.market import MarketDesk
from services.okx_simulator.endpoints.oauth import TokenDesk
from services.okx_simulator.endpoints.trade import TradeDesk
from services.okx_simulator.evidence import Evidence
from services.okx_simulator.faults import Faults
from services.okx_simulator.gateway import Gateway
from services.okx_simulator.settings import Settings
from services.okx_simulator.streaming.order_entry import OrderEntry
from services.okx_simulator.streaming.public import MarketPushes
from services.okx_simulator.streaming.venue import Venue
from services.okx_simulator.venue.accounts import Accounts
from services.okx_simulator.venue.exchange import Exchange, Terms
from services.okx_simulator.venue.instruments import Market


@dataclass(frozen=True, slots=True)
class Simulator:
    """A whole venue, without a socket."""

    settings: Settings
    clock: VenueClock
    gateway: Gateway
    venue: Venue
    pushes: MarketPushes
    evidence: Evidence


def assemble(settings: Settings) -> Simulator:
    """Make a venue with its default instruments and no accounts."""
    clock, accounts, evidence, faults = VenueClock(), Accounts(), Evidence(), Faults(settings.seed)
    market, tokens = Market(clock.now_ms()), Tokens(clock, settings)
    consent = Consent(tokens, clock, settings)
    throttle = Throttle(clock.monotonic, enabled=settings.rate_limits)
    terms = Terms(settings.taker_fee_rate, settings.maker_fee_rate, settings.oversize_reduce_only)
    exchange = Exchange(clock, accounts, market, evidence, terms)
    desk = TradeDesk(exchange, throttle, clock)
    history = History(clock, throttle, evidence, faults, settings.cancelled_kept_ms)
    entry = OrderEntry(desk, market, evidence, clock)
    venue = Venue(settings, clock, accounts, market, throttle, faults, entry)
    pushes = MarketPushes(venue)
    gate = Gate(clock, accounts, tokens, simulated_trading=settings.simulated_trading)
    routes = {
        **desk.routes(history),
        **AccountDesk(market, clock).routes(),
        **MarketDesk(market, clock).routes(),
        **TokenDesk(tokens, consent, settings.token_path, settings.oauth_error_status).routes(),
        **ConsentDesk(consent, accounts, settings.authorize_path).routes(),
        **KeyDesk(accounts, consent, settings).routes(),
        **BrokerDesk(accounts, consent).routes(),
        **AccountDoor(accounts, tokens, settings).routes(),
        **PartnerDoor(consent).routes(),
        **TradingDoor(exchange, pushes).routes(),
        **FaultDoor(faults, tokens, venue).routes(),
    }
    gateway = Gateway(routes, gate, throttle, faults, evidence, clock)
    routes |= RecordDoor(evidence, gateway.stats, faults, clock, venue).routes()
    return Simulator(settings, clock, gateway, venue, pushes, evidence)
