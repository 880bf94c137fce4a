"""What a leader watcher may be told."""

from typing import Self

from pydantic import Field, model_validator

from shared.settings import DatabaseSettings, OrderSettings, ProcessSettings, RedisSettings, VaultSettings


class Settings(ProcessSettings, RedisSettings, DatabaseSettings, VaultSettings, OrderSettings):
    """A watcher's own settings, beside the fragments."""

    compare_s: float = Field(
        3, gt=0, description="seconds: how often REST is compared with the stream: the longest a lost push is unseen"
    )
    positions_s: float = Field(10, gt=0, description="seconds: how often positions are compared with the venue's")
    overlap_ms: int = Field(
        60_000, ge=1_000, description="milliseconds: how far before the last published fill a comparison begins"
    )
    burst_ms: float = Field(
        2,
        ge=0,
        description="milliseconds: no pushed fill for so long ends a burst, which is then sorted and published",
    )
    ping_s: float = Field(1, gt=0, description="seconds: how long a socket may be quiet before it is asked for a sign")
    silence_s: float = Field(
        2.5,
        gt=0,
        description="seconds: how long it may stay silent until it is lost: the longest a dead one lasts",
    )
    roster_s: float = Field(10, gt=0, description="seconds: how often the list of leaders is read again")

    @model_validator(mode="after")
    def _silence_outlasts_a_ping(self) -> Self:
        if self.silence_s <= self.ping_s:
            raise ValueError(
                f"SLIPSTREAM_SILENCE_S: got {self.silence_s:g}; it takes more than SLIPSTREAM_PING_S ({self.ping_s:g}),"
                " or a socket that was asked for a sign would have no time to give one"
            )
        return self
