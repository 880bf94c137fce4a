"""Why an account is not connected, said so that its owner knows what to do."""

from collections.abc import Mapping
from dataclasses import dataclass

from services.portal.journeys import Trouble


@dataclass(frozen=True, slots=True)
class Explained:
    """A headline and what to do; `ours` where only we can."""

    title: str
    text: str
    ours: bool = False


_OURS = "This is ours to mend, and we have been told. Please try again later."

EXPLAINED: Mapping[Trouble, Explained] = {
    Trouble.STATE: Explained(
        "This link has been used, or is too old",
        "A consent works once, within ten minutes, in the browser it was begun in. Begin again here.",
    ),
    Trouble.DENIED: Explained(
        "You did not give your consent", "Nothing was connected and nothing is stored. You can begin again at any time."
    ),
    Trouble.SITE: Explained(
        "This OKX site is not served here",
        "Your account belongs to an OKX site we do not trade on. Nothing was connected.",
    ),
    Trouble.EXPIRED: Explained(
        "The consent has expired",
        "OKX's code works once, within ten minutes, and only on your own OKX site. Begin again.",
    ),
    Trouble.ADDRESS: Explained(
        "OKX does not let our servers in", f"Our address is not on a list it must be on. {_OURS}"
    ),
    Trouble.FAST_API: Explained("Fast API is not switched on", f"OKX has not enabled it for us. {_OURS}", ours=True),
    Trouble.CONFIGURATION: Explained("OKX does not accept our request", _OURS, ours=True),
    Trouble.PERMISSION: Explained(
        "The consent does not cover trading",
        "Copying needs the rights to read and to trade, and never the right to withdraw. Begin again and allow both.",
    ),
    Trouble.WITHDRAWAL: Explained(
        "The key may withdraw",
        "We take no key that can move your funds. Make one with the rights to read and trade only.",
    ),
    Trouble.KEY: Explained(
        "OKX does not accept the key",
        "Check key, secret and passphrase, and that the key belongs to this OKX site and not to demo trading.",
    ),
    Trouble.OTHER_KEY: Explained(
        "There is another key of ours in your account", "Delete it at OKX under API management, then begin again."
    ),
    Trouble.FROZEN: Explained("OKX has frozen the account", "Ask OKX's support; then begin again."),
    Trouble.REFUSED: Explained("OKX refused", "Nothing was connected. Begin again, and tell us if it happens again."),
    Trouble.UNANSWERED: Explained(
        "OKX did not answer", "We do not know what came of it. Begin again: an earlier try does no harm."
    ),
}
