"""What a consent is asked for, what a browser comes back with, and what may be wrong with it: values."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from shared.vault.secret import Secret

DENIED = "53001"


class Role(StrEnum):
    """What an account wants to be here."""

    FOLLOWER = "follower"
    LEADER = "leader"
    GONE = "gone"
    """It leaves: the key we made is deleted at the venue, which takes a fresh consent."""


class Way(StrEnum):
    """How an owner lets us act."""

    CODE = "code"
    PKCE = "pkce"
    FAST_API = "fast_api"
    API_KEY = "api_key"


class Trouble(StrEnum):
    """Why an account is not connected; each has a page of its own."""

    STATE = "state"
    DENIED = "denied"
    SITE = "site"
    EXPIRED = "expired"
    ADDRESS = "address"
    FAST_API = "fast_api"
    CONFIGURATION = "configuration"
    PERMISSION = "permission"
    WITHDRAWAL = "withdrawal"
    KEY = "key"
    OTHER_KEY = "other_key"
    FROZEN = "frozen"
    REFUSED = "refused"
    UNANSWERED = "unanswered"


TROUBLES: Mapping[str, Trouble] = {
    DENIED: Trouble.DENIED,
    "53004": Trouble.FROZEN,
    "53009": Trouble.EXPIRED,
    "53010": Trouble.CONFIGURATION,
    "53012": Trouble.EXPIRED,
    "53013": Trouble.PERMISSION,
    "53014": Trouble.ADDRESS,
    "53016": Trouble.CONFIGURATION,
    "53017": Trouble.FAST_API,
    "53018": Trouble.SITE,
    "50116": Trouble.OTHER_KEY,
    "50118": Trouble.CONFIGURATION,
    "59505": Trouble.CONFIGURATION,
    "50105": Trouble.KEY,
    "50110": Trouble.ADDRESS,
    "50111": Trouble.KEY,
    "50113": Trouble.KEY,
    "50119": Trouble.KEY,
    "50101": Trouble.KEY,
}
FLEET = frozenset({Trouble.ADDRESS, Trouble.FAST_API, Trouble.CONFIGURATION})
"""Ours to mend, not the owner's: an alarm for the whole installation."""


@dataclass(frozen=True, slots=True)
class Journey:
    """What a browser was sent away for."""

    role: Role
    way: Way
    verifier: Secret | None = None
    terminal: str | None = None


@dataclass(frozen=True, slots=True)
class Pages:
    """Where owners consent, and where they come back to."""

    client_id: str
    redirect_uri: str
    authorize: Mapping[str, str]
    """The page of each site."""
    sites: Mapping[str, str]
    """The `domain` a callback names, to the site's name: whatever else it says is refused."""
    channel: str = ""
    life_ms: int = 600_000


@dataclass(frozen=True, slots=True)
class Callback:
    """What a browser came back with."""

    state: str = ""
    code: str = ""
    domain: str = ""
    error: str = ""
