"""The enrolment document: JSON to applicants and subscriptions. docs/enrolment.md describes it field by field.

Numbers may be JSON numbers: they are read digit by digit and never as floats.
"""

import json
from dataclasses import replace
from decimal import Decimal
from typing import Any, NoReturn

from services.portal.applicants import Applicant, Enrolment, Member
from services.portal.forms import Field, Form, Problems, choice, flag, number, or_none, secret, text, whole
from shared.domain.ids import AccountId
from shared.domain.subscriptions import (
    BelowMinimum,
    DriftPolicy,
    Ending,
    FixedRatio,
    Problem,
    Subscription,
    SubscriptionState,
)
from shared.vault.credentials import ApiKey, TokenPair

_LONGEST_LIFE_S = 10 * 366 * 86_400
_LONGEST_AGE_MS = 366 * 86_400_000

NAME = text(r"[A-Za-z0-9._-]{1,64}", "1 to 64 letters, digits, dots, hyphens or underscores")
_UID = text(r"[A-Za-z0-9_-]{1,64}", "OKX's uid of the account: letters and digits")
_TOKEN = r"[\x21-\x7e]{8,8192}"  # noqa: S105 - the shape of a token, not one: it travels in a header
_PHRASE = r"[\x20-\x7e]{1,128}"

ACCOUNT: Form = {
    "account": NAME,
    "uid": _UID,
    "main_uid": or_none(_UID),
    "site": text(r"[a-z0-9-]{1,32}", "the name of an OKX site", required=False, default="www"),
    "leads": flag(default=False),
    "account_level": text("[1-4]?", "OKX's acctLv: 1, 2, 3 or 4", required=False, default=""),
    "position_mode": text(
        "(net_mode|long_short_mode)?", "OKX's posMode: net_mode or long_short_mode", required=False, default=""
    ),
    "label": text("[^\x00-\x1f]{0,200}", "up to 200 printable characters", required=False, default=""),
    "oauth": Field(lambda raw: raw, "an object", required=False),
    "api_key": Field(lambda raw: raw, "an object", required=False),
}
OAUTH: Form = {
    "access_token": secret(_TOKEN, "the access token as OKX gave it: at least 8 characters, no spaces"),
    "refresh_token": secret(_TOKEN, "the refresh token as OKX gave it: at least 8 characters, no spaces"),
    "expires_in_s": whole("the seconds the access token lives from now on, above 0", _LONGEST_LIFE_S),
}
API_KEY: Form = {
    "key": secret(_TOKEN, "the API key as OKX gave it: at least 8 characters, no spaces"),
    "secret": secret(_TOKEN, "the secret key as OKX gave it: at least 8 characters, no spaces"),
    "passphrase": secret(_PHRASE, "the key's passphrase: 1 to 128 printable characters"),
}
SETTINGS: Form = {
    "ratio": number("a number above 0: how many contracts for one of the leader's"),
    "state": choice(SubscriptionState, required=False, default=SubscriptionState.ACTIVE),
    "below_minimum": choice(BelowMinimum, required=False, default=BelowMinimum.SKIP),
    "max_age_ms": or_none(whole("milliseconds above 0", _LONGEST_AGE_MS, default=10_000)),
    "slippage_cap": or_none(number("a fraction above 0, as 0.005 for half a per cent")),
    "max_order": or_none(number("an amount of the quote currency above 0")),
    "max_position": or_none(number("an amount of the quote currency above 0")),
    "drift": choice(DriftPolicy, required=False, default=DriftPolicy.REPORT),
    "ending": choice(Ending, required=False, default=Ending.KEEP),
}
SUBSCRIPTION: Form = {"follower": NAME, "leader": NAME, **SETTINGS}
_LISTS = {"accounts": ACCOUNT, "subscriptions": SUBSCRIPTION}


def read_enrolment(content: str) -> tuple[Enrolment, list[Problem]]:
    """Read a document; whatever of it is well-formed, and everything that is not."""
    problems = Problems()
    document = _parse(content, problems)
    if document is None:
        return Enrolment(), problems.found
    accounts, subscriptions = (_rows(document, name, problems) for name in _LISTS)
    applicants = (_applicant(raw, path, problems) for path, raw in accounts)
    wanted = (_subscription(raw, path, problems) for path, raw in subscriptions)
    return Enrolment(tuple(each for each in applicants if each), tuple(each for each in wanted if each)), problems.found


def _parse(content: str, problems: Problems) -> dict[str, Any] | None:
    try:
        document = json.loads(
            content, parse_float=Decimal, parse_constant=_refuse_constant, object_pairs_hook=_refuse_repeats
        )
    except (ValueError, RecursionError) as error:
        problems.add("document", type(error).__name__, f"make it valid JSON: {error}")
        return None
    form = {name: Field(lambda raw: raw, "a list", required=False, default=[]) for name in _LISTS}
    return problems.read(document, "", form)


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no number")


def _refuse_repeats(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    names = [name for name, _ in pairs]
    repeated = sorted({name for name in names if names.count(name) > 1})
    if repeated:
        raise ValueError(f"an object names {', '.join(repeated)} twice")
    return dict(pairs)


def _rows(document: dict[str, Any], name: str, problems: Problems) -> list[tuple[str, Any]]:
    rows = document[name]
    if not isinstance(rows, list):
        problems.add(name, type(rows).__name__, "use a list [...]")
        return []
    return [(f"{name}[{number}]", row) for number, row in enumerate(rows)]


def _applicant(raw: Any, path: str, problems: Problems) -> Applicant | None:  # noqa: ANN401 - whatever JSON holds
    values = problems.read(raw, path, ACCOUNT)
    if values is None:
        return None
    oauth, api_key = values.pop("oauth"), values.pop("api_key")
    if oauth is not None and api_key is not None:
        problems.add(f"{path}.api_key", "oauth and api_key", "keep one: an account has one grant")
        return None
    secrets = _secrets(oauth, api_key, path, problems)
    if secrets is None and (oauth, api_key) != (None, None):
        return None
    member = Member(**values)
    return Applicant(replace(member, main_uid=member.main_uid or member.uid), secrets)


def _secrets(oauth: Any, api_key: Any, path: str, problems: Problems) -> TokenPair | ApiKey | None:  # noqa: ANN401
    if oauth is not None:
        pair = problems.read(oauth, f"{path}.oauth", OAUTH)
        return TokenPair(pair["access_token"], pair["refresh_token"], pair["expires_in_s"] * 1_000) if pair else None
    if api_key is not None:
        parts = problems.read(api_key, f"{path}.api_key", API_KEY)
        return ApiKey(**parts) if parts else None
    return None


def _subscription(raw: Any, path: str, problems: Problems) -> Subscription | None:  # noqa: ANN401
    values = problems.read(raw, path, SUBSCRIPTION)
    if values is None:
        return None
    ratio = values.pop("ratio")
    follower, leader = AccountId(values.pop("follower")), AccountId(values.pop("leader"))
    return Subscription(follower, leader, 1, sizing=FixedRatio(ratio), **values)
