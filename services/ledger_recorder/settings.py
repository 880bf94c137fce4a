"""What a ledger recorder may be told."""

from pydantic import Field

from shared.settings import DatabaseSettings, ProcessSettings, RedisSettings


class Settings(ProcessSettings, RedisSettings, DatabaseSettings):
    """The ledger recorder writes trade events and outcomes into the database."""

    batch_entries: int = Field(500, ge=1, le=5_000, description="entries: the most written in one transaction")
    tend_s: float = Field(
        2, gt=0, description="seconds: how often readers are looked after and abandoned entries claimed"
    )
    claim_idle_s: float = Field(
        30, gt=0, description="seconds: how long an entry may stay unacknowledged before another recorder claims it"
    )
    keep_outcomes_s: float = Field(
        86_400, gt=0, description="seconds: how long recorded outcomes stay in the stream for other readers"
    )
    copy_s: float = Field(
        5, gt=0, description="seconds: how often what Redis keeps is copied, for a server that comes back empty"
    )
