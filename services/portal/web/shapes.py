"""What the API takes and gives, as its document describes it."""

import re
from decimal import Decimal
from typing import Annotated, Any, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr, WithJsonSchema

from services.portal.applicants import Member
from services.portal.fitness import Check
from services.portal.journeys import Role, Way
from shared.domain.quantities import plain
from shared.domain.subscriptions import BelowMinimum, DriftPolicy, Ending, Problem, Subscription, SubscriptionState
from shared.vault.credentials import ApiKey
from shared.vault.secret import Secret

Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9._-]{1,64}$")]
Positive = Annotated[Decimal, Field(gt=0, max_digits=24, decimal_places=12, allow_inf_nan=False)]
_CARRIED = re.compile(r"[\x21-\x7e]([\x20-\x7e]{0,510}[\x21-\x7e])?")


def _carried(value: SecretStr) -> SecretStr:
    """Refuse what no header can carry."""
    if not _CARRIED.fullmatch(value.get_secret_value()):
        raise ValueError("use 1 to 512 printable characters, without spaces at the ends")
    return value


_Header = Annotated[
    SecretStr, AfterValidator(_carried), WithJsonSchema({"type": "string", "pattern": f"^{_CARRIED.pattern}$"})
]


class Taken(BaseModel):
    """What a request brings: nothing but what is asked for."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Failure(BaseModel):
    """Why not, in words."""

    detail: str


class Refusal(BaseModel):
    """What is wrong with a request's fields, each with its remedy."""

    class Wrong(BaseModel):
        """One field."""

        field: str
        value: str
        remedy: str

    problems: list[Wrong]

    @classmethod
    def of(cls, problems: list[Problem]) -> Self:
        """Spell problems."""
        return cls(problems=[cls.Wrong(field=p.field, value=p.value, remedy=p.remedy) for p in problems])


class Begin(Taken):
    """How an owner wants to connect."""

    role: Role = Role.FOLLOWER
    way: Way = Way.CODE
    site: Name = "www"


class GivenKey(Taken):
    """A key its owner made at OKX: to read and trade, never to withdraw."""

    role: Role = Role.FOLLOWER
    site: Name = "www"
    key: _Header
    secret: _Header
    passphrase: _Header

    def opened(self) -> ApiKey:
        """Return the key for use."""
        return ApiKey(*(Secret(each.get_secret_value()) for each in (self.key, self.secret, self.passphrase)))


class Away(BaseModel):
    """Where to send the owner's browser."""

    authorize_url: str


class Finding(BaseModel):
    """One thing that has to change at OKX, and how."""

    name: str
    found: str
    remedy: str

    @classmethod
    def of(cls, check: Check) -> Self:
        """Spell a check."""
        return cls(name=check.name, found=check.found, remedy=check.remedy)


class Connection(BaseModel):
    """An account that is in, and what still keeps it from trading."""

    account: str
    checks: list[Finding]


class Grant(BaseModel):
    """What lets us act for an account; times in Unix milliseconds."""

    kind: str
    status: str
    expires_ms: int
    consent_ends_ms: int | None
    """When its owner has to consent anew if it is not renewed until then."""


class DeedRow(BaseModel):
    """One entry of the audit log; each holds the hash of the one before."""

    number: int
    at: int
    actor: str
    action: str
    subject: str
    details: dict[str, str]
    previous: str
    hash: str


class Me(BaseModel):
    """The signed-in account."""

    account: str
    site: str
    uid: str
    leads: bool
    applied: bool
    """Whether it asked to be followed."""
    account_level: str
    position_mode: str
    grant: Grant | None
    checks: list[Finding]
    """What was found at OKX last, and keeps it from trading or paying."""
    csrf: str = ""
    """What a request that changes something carries in X-CSRF-Token."""


class LeaderRow(BaseModel):
    """An account that can be followed."""

    account: str
    label: str


class Settings(Taken):
    """A subscription's settings; what is left out stays as it is. A new one needs a ratio."""

    ratio: Positive | None = None
    below_minimum: BelowMinimum | None = None
    max_age_ms: Annotated[int, Field(gt=0, le=31_622_400_000)] | None = None
    slippage_cap: Positive | None = None
    max_order: Positive | None = None
    max_position: Positive | None = None
    drift: DriftPolicy | None = None

    def given(self) -> dict[str, Any]:
        """Return what was given, by name."""
        return {name: getattr(self, name) for name in self.model_fields_set if getattr(self, name) is not None}


class SubscriptionRow(BaseModel):
    """A subscription as it is."""

    follower: str
    leader: str
    version: int
    state: SubscriptionState
    ratio: str
    below_minimum: BelowMinimum
    max_age_ms: int | None
    slippage_cap: str | None
    max_order: str | None
    max_position: str | None
    drift: DriftPolicy
    ending: Ending

    @classmethod
    def of(cls, subscription: Subscription) -> Self:
        """Spell a subscription."""

        def spelled(value: Decimal | None) -> str | None:
            return None if value is None else plain(value)

        return cls(
            follower=subscription.follower,
            leader=subscription.leader,
            version=subscription.version,
            state=subscription.state,
            ratio=plain(subscription.sizing.ratio),
            below_minimum=subscription.below_minimum,
            max_age_ms=subscription.max_age_ms,
            slippage_cap=spelled(subscription.slippage_cap),
            max_order=spelled(subscription.max_order),
            max_position=spelled(subscription.max_position),
            drift=subscription.drift,
            ending=subscription.ending,
        )


class AccountRow(BaseModel):
    """An account as operators see it."""

    account: str
    site: str
    uid: str
    leads: bool
    applied: bool
    position_mode: str
    grant: Grant | None
    checks: list[Finding]
    fenced: bool
    """Whether OKX was seen to refuse an expired order of its grant."""
    tagged: bool | None
    """Whether OKX was seen to repeat our tag to its grant; null while not asked."""


class Leads(Taken):
    """Whether an account may be followed; if not any more, what becomes of what is held because of it."""

    leads: bool
    positions: Ending = Ending.CLOSE


def me_of(member: Member, grant: Grant | None, checks: list[Finding], csrf: str) -> Me:
    """Spell the signed-in account."""
    return Me(
        account=member.account,
        site=member.site,
        uid=member.uid,
        leads=member.leads,
        applied=member.applied,
        account_level=member.account_level,
        position_mode=member.position_mode,
        grant=grant,
        checks=checks,
        csrf=csrf,
    )
