"""What the simulator can be told at its start; the rest is told over the control door while it runs."""

from decimal import Decimal
from pathlib import Path
from typing import Literal, Self

from pydantic import Field, SecretStr, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict


class Settings(BaseSettings):
    """A paper OKX: REST, OAuth, WebSocket and control on one port of the loopback interface."""

    model_config = SettingsConfigDict(env_prefix="SLIPSTREAM_SIM_", frozen=True)

    host: str = Field("127.0.0.1", description="address: where it listens; the control door answers loopback only")
    port: int = Field(0, ge=0, le=65535, description="port: the same; 0 takes a free one, printed on standard output")
    tls_certificate: Path | None = Field(None, description="file: PEM certificate; with it everything is TLS")
    tls_key: Path | None = Field(None, description="file: PEM key of that certificate")
    drain_s: float = Field(5, gt=0, description="seconds: how long answers in hand may take after SIGTERM")
    log_level: Literal["debug", "info", "warning", "error"] = Field("warning", description="level: the least logged")
    simulated_trading: bool = Field(
        False, description="true or false: be the demo venue, which wants x-simulated-trading: 1, or the live one"
    )
    rate_limits: bool = Field(True, description="true or false: refuse with 50011 what exceeds OKX's documented rates")
    taker_fee_rate: Decimal = Field(Decimal("0.0005"), ge=0, description="ratio: fee of a taker's fill")
    maker_fee_rate: Decimal = Field(Decimal("0.0002"), ge=0, description="ratio: fee of a maker's fill")
    default_leverage: Decimal = Field(Decimal(10), gt=0, description="factor: leverage until set-leverage changes it")
    oversize_reduce_only: Literal["reject", "trim"] = Field(
        "reject", description="reject or trim: what a reduce-only order above the position meets"
    )
    cancelled_kept_ms: int = Field(
        7_200_000, ge=0, description="milliseconds: how long a cancelled order without a fill can be queried"
    )
    token_path: str = Field("/v5/users/oauth/token", description="path: the OAuth token endpoint")
    client_id: str = Field("paper-client", description="text: the only OAuth client")
    client_secret: SecretStr = Field(SecretStr("paper-secret"), description="text: its secret")
    authorize_path: str = Field("/account/oauth", description="path: the page where users consent")
    redirect_uris: str = Field(
        "", description="comma-separated URLs: the only ones a browser is sent back to; empty registers none"
    )
    site: str = Field("", description="URL: the `domain` a callback names; empty names where the browser came to")
    fast_api: bool = Field(True, description="true or false: whether the client may ask for fast_api (else 53017)")
    app_ips: bool = Field(True, description="true or false: whether the client has an IP list to bind keys to")
    denied_parameters: Literal["error", "code"] = Field(
        "error",
        description="error or code: how a callback says that a user refused: ?error=access_denied or ?code=53001",
    )
    code_life_s: int = Field(600, gt=0, description="seconds: how long an authorization code can be exchanged")
    refresh_life_s: int = Field(259_200, gt=0, description="seconds: how long a refresh token can be used")
    token_error_status: int = Field(401, ge=200, le=599, description="HTTP status: what a dead bearer token meets")
    oauth_error_status: int = Field(400, ge=200, le=599, description="HTTP status: what a refused refresh meets")
    rotated_token_code: Literal["53000", "53002", "53003"] = Field(
        "53003", description="code: what an access token replaced by a refresh meets"
    )
    ws_idle_s: float = Field(30, gt=0, description="seconds: silence after which a WebSocket is closed with 4004")
    ws_positions_s: float = Field(5, gt=0, description="seconds: between full pushes of positions and account")
    max_body_bytes: int = Field(1_048_576, gt=0, description="bytes: a larger request is refused with 413")
    seed: int = Field(1, description="number: seeds what faults leave to chance")

    @model_validator(mode="after")
    def _whole_tls(self) -> Self:
        if (self.tls_certificate is None) != (self.tls_key is None):
            raise ValueError(
                "SLIPSTREAM_SIM_TLS_CERTIFICATE and SLIPSTREAM_SIM_TLS_KEY: got one of them; it takes both or neither"
            )
        return self
