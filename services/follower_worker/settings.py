"""What a follower worker may be told."""

from pydantic import Field

from shared.settings import DatabaseSettings, LaneSettings, OrderSettings, ProcessSettings, RedisSettings, VaultSettings


class Settings(ProcessSettings, RedisSettings, DatabaseSettings, VaultSettings, OrderSettings, LaneSettings):
    """A worker's own settings, beside the fragments."""

    worker: str = Field("", description="text: this worker's name among the live ones; empty makes one up")
    senders: int = Field(
        768,
        ge=1,
        le=8192,
        description="orders: the most in the air at once; as many connections to each site in use, from the start",
    )
    askers: int = Field(256, ge=1, le=1024, description="questions: the most about accepted orders at once")
    commit_ms: float = Field(
        50, ge=0, description="milliseconds: how long a lane gathers before it writes what no order waits for"
    )
    orders_a_window: int = Field(60, ge=1, description="orders: the most per follower and instrument in 2 seconds")
    throttle_pause_ms: int = Field(500, gt=0, description="milliseconds: how long a throttled follower waits")
    absent_gap_ms: int = Field(
        2_000, ge=100, description="milliseconds: how far apart two answers must be that prove an order absent"
    )
    proof_instrument: str = Field(
        "BTC-USDT-SWAP", description="instrument: where a grant's fence is proven, by an order too small to be placed"
    )
    mirror_ms: int = Field(1_000, gt=0, description="milliseconds: how often offsets are shown as consumer groups")
    drift_s: float = Field(60, gt=0, description="seconds: how often every account that holds something is compared")
    drift_confirm_s: float = Field(
        5, gt=0, description="seconds: how long a disagreement must last before it counts, seen twice and unmoved"
    )
    drift_reads_a_second: float = Field(5, gt=0, description="reads: of accounts to compare, at most, per worker")
    drift_repairs_a_minute: int = Field(
        30, ge=0, description="repairs: orders for drift, at most, per worker and minute; the others are reported"
    )
