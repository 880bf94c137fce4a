"""Who asks to be let in, and who is in already."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from shared.domain.grants import GrantKind
from shared.domain.ids import AccountId
from shared.domain.subscriptions import Subscription
from shared.vault.credentials import ApiKey, TokenPair

Pair = tuple[AccountId, AccountId]
"""Follower and leader."""


@dataclass(frozen=True, slots=True)
class Member:
    """An account without its secrets; modes in OKX's own words, empty while unknown."""

    account: AccountId
    site: str
    uid: str
    main_uid: str
    leads: bool
    account_level: str
    position_mode: str
    label: str
    applied: bool = False
    """Whether its owner asked to be followed."""


@dataclass(frozen=True, slots=True)
class Browser:
    """A browser's session; `token` is its cookie, `csrf` what its forms carry, `account` who signed in with it."""

    token: str
    csrf: str
    account: AccountId | None = None

    def __repr__(self) -> str:
        return f"Browser({self.account or 'nobody'})"


@dataclass(frozen=True, slots=True)
class Applicant:
    """An account with what lets us act for it; no secrets where it has given them before."""

    member: Member
    secrets: TokenPair | ApiKey | None

    @property
    def grants(self) -> GrantKind | None:
        """Return the kind of grant it brings."""
        match self.secrets:
            case TokenPair():
                return GrantKind.OAUTH
            case ApiKey():
                return GrantKind.API_KEY
            case None:
                return None


@dataclass(frozen=True, slots=True)
class Known:
    """Everything stored so far."""

    members: Mapping[AccountId, Member] = field(default_factory=dict)
    grants: Mapping[AccountId, GrantKind] = field(default_factory=dict)
    subscriptions: Mapping[Pair, Subscription] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Enrolment:
    """What a document asks for, read but not yet judged."""

    applicants: Sequence[Applicant] = ()
    subscriptions: Sequence[Subscription] = ()
    """Of version 1: what is stored decides which version they become."""
