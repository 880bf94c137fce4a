"""A grant's life: what lets us act for an account, when to renew it, when it is dead."""

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from shared.domain.ids import AccountId


class GrantStatus(StrEnum):
    """Where a grant stands; only `live` may trade."""

    LIVE = "live"
    NEEDS_CONSENT = "needs_consent"
    REVOKED = "revoked"


class GrantKind(StrEnum):
    """How an account let us act for it."""

    OAUTH = "oauth"
    API_KEY = "api_key"
    """A key the owner made."""
    FAST_API = "fast_api"
    """A key we made with the owner's consent; one of ours per owner."""


@dataclass(frozen=True, slots=True)
class GrantLife:
    """What is known of a token pair without opening it; times in milliseconds."""

    account: AccountId
    kind: GrantKind
    version: int
    status: GrantStatus
    issued_ms: int
    expires_ms: int


def consent_ends_ms(life: GrantLife, refresh_life_ms: int) -> int | None:
    """Return when an owner has to consent anew if nothing is renewed until then; None for what needs no renewal."""
    return life.issued_ms + refresh_life_ms if life.kind is GrantKind.OAUTH else None


def refresh_due_ms(life: GrantLife, fraction: Decimal, jitter: Decimal) -> int:
    """Return when to renew: at `fraction` of the life, earlier by up to a tenth of it (`jitter` in 0..1).

    The jitter keeps ten thousand pairs issued together from being renewed together.
    """
    whole = life.expires_ms - life.issued_ms
    return life.issued_ms + int(whole * (fraction - jitter / 10))


def is_due(life: GrantLife, now_ms: int, fraction: Decimal, jitter: Decimal) -> bool:
    """Tell whether a live OAuth grant should be renewed now."""
    return (
        life.kind is GrantKind.OAUTH
        and life.status is GrantStatus.LIVE
        and now_ms >= refresh_due_ms(life, fraction, jitter)
    )
