"""OKX's error codes: what each means and what it allows us to do next; one table, grouped by reaction.

Code and meaning: OKX's public error table (D#error-code-rest-api-public, D#error-code-websocket-public) unless a group
names another source. Which reaction a code gets is our judgement; the groups say why.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from shared.domain.outcomes import Category


class Reaction(StrEnum):
    """What a code tells about the request that met it."""

    AMBIGUOUS = "ambiguous"
    """It may have been executed: ask before it is repeated."""
    THROTTLE = "throttle"
    """Not executed; may be repeated after a pause."""
    EXPIRED = "expired"
    """Not executed because its `expTime` had passed; our idea of the venue's clock may be wrong."""
    AUTH = "auth"
    """Not executed; a newer credential or a better clock may help, once."""
    LATER = "later"
    """Refused because of a state that passes by itself."""
    TERMINAL = "terminal"
    """Refused for good."""


@dataclass(frozen=True, slots=True)
class Code:
    """One code of OKX."""

    reaction: Reaction
    category: Category
    meaning: str


def _group(reaction: Reaction, category: Category, meaning: str, codes: str, **known: str) -> dict[str, Code]:
    """Spell a group: every code in `codes`, with the group's meaning unless one of its own is `known`."""
    return {code: Code(reaction, category, known.get(f"c{code}", meaning)) for code in codes.split()}


_NO_ANSWER = _group(
    Reaction.AMBIGUOUS, Category.OTHER, "the venue does not say whether it executed the request",
    "50001 50004 50013 50026 51054 51149 51412",
    c50001="service unavailable", c50004="endpoint timed out, result unknown", c50013="systems busy",
    c50026="system error", c51054="request timed out", c51149="order timed out, result unknown",
    c51412="cancellation timed out",
)  # fmt: skip

_DUPLICATE = _group(
    Reaction.AMBIGUOUS, Category.DUPLICATE, "something of this name exists: look it up and adopt it",
    "50042 50071 51011 51016 51065 51068",
    c50071="a parameter already exists, such as clOrdId", c51011="duplicate order id",
    c51016="duplicate client order id while the first is pending",
    c51065="duplicate algoClOrdId", c51068="duplicate algoClOrdId or attachAlgoClOrdId",
)  # fmt: skip

_THROTTLE = _group(
    Reaction.THROTTLE, Category.LATER, "too many requests",
    "50011 50040 50061 51113 58102 60014 60023",
    c50061="the sub-account's cap on new and amended orders is reached", c58102="funding rate limit",
    c60014="requests on the socket too frequent", c60023="bulk logins too frequent",
)  # fmt: skip

_EXPIRED = _group(
    Reaction.EXPIRED, Category.LATER, "the request expired on its way", "50036 50037",
    c50036="expTime is already in the past", c50037="the request expired before it was processed",
)  # fmt: skip

# 53xxx: D names the range and lists no row; meanings from partners' notes, hence no certainty about any of them.
_AUTH = _group(
    Reaction.AUTH, Category.GRANT_DEAD, "the credential is not accepted as it is now",
    "50102 50114 53000 53002 53003 60004 60006",
    c50102="timestamp more than 30 s off", c50114="invalid authorization", c53000="invalid token",
    c53002="token expired", c53003="token revoked", c60004="invalid timestamp", c60006="timestamp expired",
)  # fmt: skip

_GRANT_DEAD = _group(
    Reaction.TERMINAL, Category.GRANT_DEAD, "the grant no longer works; the account has to consent anew",
    "50030 50100 50105 50111 50119 50120 53001 53004 53005 53009 53012 53013 60005 60007 60009 60024 60032",
    c50030="no permission for this endpoint", c50100="API frozen", c50105="wrong passphrase", c50111="wrong API key",
    c50119="API key does not exist, or belongs to another region's host", c50120="the key lacks the permission",
    c53001="the user cancelled the authorization", c53004="account frozen", c53005="wrong refresh token",
    c53009="authorization failed", c53012="authorization code expired, or wrong site",
    c53013="no permission for this API: the scope lacks trade", c60005="wrong API key", c60007="wrong signature",
    c60009="login failed", c60024="wrong passphrase", c60032="API key does not exist",
)  # fmt: skip

# The partner's own set-up, or a fault of this program: every account meets them alike.
_FLEET = _group(
    Reaction.TERMINAL, Category.FLEET, "the partner's set-up or this program is at fault, not the account",
    "50035 50101 50103 50104 50106 50107 50110 50112 50113 50115 50121 53010 53014 53016 53017 53018"
    " 60008 60011 60012 60013 60018 60019 60026 60027 60028 60031 60033",
    c50035="the endpoint demands a key bound to addresses", c50101="key of the other environment (demo or live)",
    c50103="key header missing", c50104="passphrase header missing", c50106="sign header missing",
    c50107="timestamp header missing", c50110="our address is not in the key's list", c50112="malformed timestamp",
    c50113="wrong signature", c50115="wrong HTTP method", c50121="the service refuses our address",
    c53010="wrong parameter, such as client_id", c53014="our address is not on the partner's allow-list",
    c53016="redirect_uri not registered", c53017="Fast API is not enabled for the partner",
    c53018="no authorization for this site", c60008="wrong socket address", c60011="not logged in",
    c60012="bad request", c60013="bad arguments", c60018="wrong address or channel", c60019="unknown op",
    c60026="key and token mixed", c60027="parameter missing", c60028="not on this address",
    c60031="repeated login", c60033="wrong parameter",
)  # fmt: skip

_LATER = _group(
    Reaction.LATER, Category.LATER, "a state that passes: settlement, auction, freeze or upgrade",
    "50017 50018 50019 50020 50021 50022 50023 50046 50062 51028 51029 51030 51032 51290 54012 54031 54094"
    " 63999 64000 64001 64002 64004 64007 64008",
    c50017="frozen for liquidation, ADL or funding", c51028="delivery under way", c51029="settlement under way",
    c51030="funding settlement under way", c51290="bot engine upgrade", c54012="order book too thin",
    c54031="the platform's open-interest limit is reached", c54094="cool-off period on the instrument",
    c63999="internal login error", c64007="internal error", c64008="the connection closes for an upgrade",
)  # fmt: skip

_PARAMETER = _group(
    Reaction.TERMINAL, Category.PARAMETER, "size, price or another parameter is not acceptable",
    "50014 50015 50016 50024 50025 51000 51001 51002 51005 51006 51007 51015 51020 51101 51109 51110 51111 51116 51120"
    " 51121 51124 51135 51136 51137 51138 51150 51185 51196 51197 51201 51202 51203 54051 54084 54085",
    c51000="parameter error; the text names it", c51001="no such instrument", c51005="order too big",
    c51006="price outside the limit", c51020="below the minimum size", c51109="no offers",
    c51111="more than 20 orders in a batch", c51121="size is no multiple of the lot", c51150="too many decimals",
    c51185="above the maximum of one order", c54051="below the minimum of an rpi order",
    c54084="slippage", c54085="slippage",
)  # fmt: skip

_ACCOUNT_MODE = _group(
    Reaction.TERMINAL, Category.ACCOUNT_MODE, "the account's mode or settings do not allow it",
    "50072 51010 51037 51038 51039 51041 51209 51210 51211 51212 51213 51214 54024 54025 54026 54027 54028 54092 54109",
    c50072="isolated margin is not available in this account mode", c51010="unsupported under this account mode",
    c51041="portfolio margin trades in net mode only", c54092="the TradFi disclaimer is not accepted yet",
    c54109="the pair is not activated for the account",
)  # fmt: skip

_FUNDS = _group(
    Reaction.TERMINAL, Category.FUNDS, "not enough balance or margin", "51008 51017 51127 51131 51502",
    c51127="the available balance is zero",
)  # fmt: skip

_POSITION_LIMIT = _group(
    Reaction.TERMINAL, Category.POSITION_LIMIT, "a position or leverage limit is reached",
    "51004 51102 51103 51104 51105 51106 51107 51117 51129 51174 51186 51187 54030 59128",
    c59128="leverage limit of a lead trader",
)  # fmt: skip

_NOTHING_TO_CLOSE = _group(
    Reaction.TERMINAL, Category.NOTHING_TO_CLOSE, "there is no such position to close",
    "51023 51043 51112 51169 51173",
    c51023="no position", c51112="larger than what can be closed: read the position", c51169="nothing to reduce",
)  # fmt: skip

_REDUCE_CONFLICT = _group(
    Reaction.TERMINAL, Category.REDUCE_CONFLICT, "conflicts with another reducing order or with the position's side",
    "51100 51125 51126 51133 51134 51139 51148 51170 51205 51206 51333",
    c51170="reduce-only on the position's own side", c51205="reduce-only is not available",
    c51206="conflicts with pending reduce-only orders", c51333="a closing order cannot carry take-profit or stop-loss",
)  # fmt: skip

_INSTRUMENT_STATE = _group(
    Reaction.TERMINAL, Category.INSTRUMENT_STATE, "the instrument is not open for trading",
    "50033 51021 51022 51027 51087 54035 54072",
    c51021="not listed yet", c51022="suspended", c51027="expired", c51087="delisted", c54072="view only",
)  # fmt: skip

_BLOCKED = _group(
    Reaction.TERMINAL, Category.BLOCKED, "the account is blocked or restricted by the venue",
    "50007 50008 50009 50012 50027 50028 50029 50032 50041 50051 50052 50059 50060 50067 50075 51009 51024 51155",
    c50067="cross-site trading is not supported by the API",
)  # fmt: skip

_LEAD_TRADER = _group(
    Reaction.TERMINAL, Category.LEAD_TRADER, "the account is an OKX lead trader and may not do this",
    "51072 51073 51074 51075 51078 51099 51156 51159 51166 51321 51322 51323 51324 51325 51326",
)  # fmt: skip

_FINISHED = _group(
    Reaction.TERMINAL, Category.OTHER, "the order is finished or cannot be cancelled",
    "51400 51401 51402 51403 51404 51405 51410 51416 51503 51603",
    c51400="filled, cancelled or unknown", c51603="the order does not exist",
)  # fmt: skip

_OTHER = _group(
    Reaction.TERMINAL, Category.OTHER, "refused", "64003", c64003="the fee tier is too low for this channel",
)  # fmt: skip

CODES: Mapping[str, Code] = {
    **_NO_ANSWER, **_DUPLICATE, **_THROTTLE, **_EXPIRED, **_AUTH, **_GRANT_DEAD, **_FLEET, **_LATER, **_PARAMETER,
    **_ACCOUNT_MODE, **_FUNDS, **_POSITION_LIMIT, **_NOTHING_TO_CLOSE, **_REDUCE_CONFLICT, **_INSTRUMENT_STATE,
    **_BLOCKED, **_LEAD_TRADER, **_FINISHED, **_OTHER,
}  # fmt: skip

SUCCESS = "0"
"""In an envelope, an item or a socket event."""

ABSENT = frozenset({"51603"})
"""Codes with which `GET trade/order` says that it shows no such order."""

CLOCK_IS_OFF = frozenset({"50036", "50037", "50102", "60004", "60006"})
"""Codes after which our idea of the venue's clock deserves a fresh look."""

REVOKED = "53003"
"""The one code of `AUTH` that tells a decision of the account's owner rather than the age of a token."""

HOPELESS = frozenset({"50114", "53000", "53003"})
"""Codes of `AUTH` that, met again with a newer credential, mean that the grant is dead."""

CLOSES: Mapping[int, str] = {
    1009: "a frame of ours was too long",
    4001: "login failed",
    4002: "bad request",
    4003: "more than 100 subscriptions of one key",
    4004: "no data for 30 s",
    4005: "our receive buffer was full",
    4006: "abnormal disconnection",
    4007: "the key was changed or deleted",
    4008: "too many channels",
    4009: "too many channels",
}
"""Close codes of OKX's sockets (D#error-code-websocket-public)."""

GRANT_CLOSES = frozenset({4001, 4007})
"""Close codes that mean the key, not the connection."""
