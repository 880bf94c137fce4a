"""What a token keeper may be told."""

from typing import Self

from pydantic import Field, model_validator

from shared.settings import DatabaseSettings, OAuthSettings, ProcessSettings, RedisSettings, VaultSettings


class Settings(ProcessSettings, RedisSettings, DatabaseSettings, VaultSettings, OAuthSettings):
    """The token keeper renews every OAuth grant before it dies."""

    drain_s: float = Field(
        15, gt=0, description="seconds: how long renewals in hand may take after SIGTERM; must cover a whole one"
    )
    keeper_interval_s: float = Field(5, gt=0, description="seconds: how often the keeper looks for grants to renew")
    refresh_fraction: float = Field(
        0.7, gt=0.2, le=0.95, description="fraction: how much of a pair's life passes before it is renewed"
    )
    grant_life_s: float = Field(
        3_600, gt=0, description="seconds: how long an access token lives; only to check the above"
    )
    refresh_answer_s: float = Field(
        8,
        gt=0,
        description="seconds: how long OKX may take to renew a pair; an answer after that is lost, and the pair",
    )
    claim_s: float = Field(25, gt=0, description="seconds: how long one keeper may take over one renewal")
    refresh_retry_s: float = Field(5, gt=0, description="seconds: how long a failed renewal waits for its next try")
    refreshes_at_once: int = Field(16, ge=1, le=256, description="renewals: the most in flight at once")

    @property
    def renewal_s(self) -> float:
        """Return the longest a renewal may take, in seconds: waiting for a connection, opening it, the answer."""
        return 2 * self.okx_connect_timeout_ms / 1_000 + self.refresh_answer_s

    @model_validator(mode="after")
    def _claims_outlive_renewals(self) -> Self:
        if self.claim_s < 2 * self.renewal_s:
            raise ValueError(
                f"SLIPSTREAM_CLAIM_S: got {self.claim_s:g}; it takes at least twice (2 x"
                f" SLIPSTREAM_OKX_CONNECT_TIMEOUT_MS + SLIPSTREAM_REFRESH_ANSWER_S), {2 * self.renewal_s:g} s,"
                " or two keepers could renew one grant"
            )
        return self

    @model_validator(mode="after")
    def _drains_finish_renewals(self) -> Self:
        if self.drain_s <= self.renewal_s:
            raise ValueError(
                f"SLIPSTREAM_DRAIN_S: got {self.drain_s:g}; it takes more than 2 x SLIPSTREAM_OKX_CONNECT_TIMEOUT_MS +"
                f" SLIPSTREAM_REFRESH_ANSWER_S ({self.renewal_s:g} s), or stopping could lose a new pair"
            )
        return self

    @model_validator(mode="after")
    def _renewals_come_in_time(self) -> Self:
        lead_s = self.grant_life_s * (1 - self.refresh_fraction)
        if lead_s <= self.keeper_interval_s + self.renewal_s:
            raise ValueError(
                f"SLIPSTREAM_REFRESH_FRACTION: got {self.refresh_fraction:g}, which leaves {lead_s:g} s of"
                f" SLIPSTREAM_GRANT_LIFE_S; it takes one that leaves more than SLIPSTREAM_KEEPER_INTERVAL_S and one"
                f" renewal ({self.keeper_interval_s + self.renewal_s:g} s)"
            )
        return self
