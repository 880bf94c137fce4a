"""What OKX grants or takes from the partner, over the control door."""

import msgspec

from services.okx_simulator.access.consent import Consent
from services.okx_simulator.calls import Call, Routes
from services.okx_simulator.control.replies import door, told


class PartnerSpec(msgspec.Struct, forbid_unknown_fields=True):
    """What changes; None leaves it as it is."""

    fast_api: bool | None = None
    """Whether the client may ask for fast_api (else 53017)."""
    ip_allowed: bool | None = None
    """Whether the partner's address is on its own list (else 53014)."""
    rebate_type: str | None = None
    """What the partner is told of every account's rebate: 0 eligible, 1 to 4 not."""


class PartnerDoor:
    """Changes the partner's rights."""

    def __init__(self, consent: Consent) -> None:
        self._consent = consent

    def routes(self) -> Routes:
        """Return the one control path."""
        return {"/control/partner": {"POST": door(self.change)}}

    def change(self, call: Call) -> dict[str, bool | str]:
        """Change what is named and show what is in force."""
        spec = told(call, PartnerSpec)
        if spec.fast_api is not None:
            self._consent.fast_api = spec.fast_api
        if spec.ip_allowed is not None:
            self._consent.ip_allowed = spec.ip_allowed
        if spec.rebate_type is not None:
            self._consent.rebate_type = spec.rebate_type
        consent = self._consent
        return {"fast_api": consent.fast_api, "ip_allowed": consent.ip_allowed, "rebate_type": consent.rebate_type}
