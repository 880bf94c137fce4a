"""Fragments of settings, one per neighbour or tool; a service's own class is composed of those it needs.

Every description is "unit: effect". Text that holds a password is kept out of representations and refusals.
"""

import base64
import binascii
import re
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator, model_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

_INSTALLATION = re.compile(r"[a-z0-9-]{1,32}")
_TAG = re.compile(r"[A-Za-z0-9]{1,16}")
_KEY_BYTES = 32
_NODES = r"([^@/]*@)?[^@/,]+:\d+(,[^@/,]+:\d+)*"
"""Who knows where the server is: HOST:PORT,… with credentials before them, if any."""

Words = Annotated[tuple[str, ...], NoDecode]
"""Comma-separated text in the environment."""


class Fragment(BaseSettings):
    """What every fragment shares: the prefix, and that settings never change while running."""

    model_config = SettingsConfigDict(env_prefix="SLIPSTREAM_", extra="ignore", frozen=True, hide_input_in_errors=True)


class ProcessSettings(Fragment):
    """How a service runs, speaks and stops."""

    drain_s: float = Field(
        10, gt=0, description="seconds: how long work in hand may take after SIGTERM before it is cut off"
    )
    telemetry_host: str = Field("127.0.0.1", description="address: where /livez, /readyz and /metrics are served")
    telemetry_port: int = Field(0, ge=0, le=65535, description="port: the same; 0 takes a free one and logs it")
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        "info", description="level: the least that is logged"
    )
    log_json: bool = Field(True, description="true or false: one JSON object a line, or lines for people")


class RedisSettings(Fragment):
    """Redis 7.0 or Valkey 8, or later."""

    redis_url: str = Field(
        "redis://127.0.0.1:6379/0",
        repr=False,
        pattern=rf"^((unix|rediss?)://.*|rediss?\+cluster://{_NODES}/?|rediss?\+sentinel://{_NODES}/[^/]+(/\d+)?)$",
        description="URL: the server, as redis://, rediss:// or unix://; or who knows it, as"
        " redis+sentinel://HOST:PORT,…/MASTER or redis+cluster://HOST:PORT,… (rediss+ for TLS)",
    )
    installation: str = Field(
        "main",
        description="lower-case letters, digits, hyphens, up to 32: hash tag of every key, so that installations"
        " sharing a server never meet",
    )
    redis_socket_timeout_s: float = Field(
        15,
        gt=0,
        description="seconds: how long one answer of the server may take; must exceed the longest blocking read",
    )
    redis_block_ms: int = Field(4_000, gt=0, description="milliseconds: how long a read of a stream waits for an entry")
    redis_max_connections: int = Field(200, gt=1, description="connections: the most this process opens")

    def redis(self) -> tuple[str, str, float, int]:
        """Return the server, the installation, the time-out and the connections, as `open_redis` takes them."""
        return self.redis_url, self.installation, self.redis_socket_timeout_s, self.redis_max_connections

    @field_validator("installation")
    @classmethod
    def _plain_installation(cls, value: str) -> str:
        if not _INSTALLATION.fullmatch(value):
            raise ValueError("it would not survive as a Redis hash tag")
        return value

    @model_validator(mode="after")
    def _socket_outlives_blocking_read(self) -> Self:
        if self.redis_socket_timeout_s * 1_000 <= self.redis_block_ms:
            raise ValueError(
                f"SLIPSTREAM_REDIS_SOCKET_TIMEOUT_S: got {self.redis_socket_timeout_s:g} s; it takes more than"
                f" SLIPSTREAM_REDIS_BLOCK_MS ({self.redis_block_ms} ms), or every quiet read would fail"
            )
        return self


class DatabaseSettings(Fragment):
    """SQLite or PostgreSQL."""

    database_url: str = Field(
        "sqlite+aiosqlite:///var/slipstream.db",
        repr=False,
        pattern=r"^(sqlite\+aiosqlite|postgresql\+asyncpg)://",
        description="URL: sqlite+aiosqlite:///FILE or postgresql+asyncpg://USER:PASSWORD@HOST/NAME",
    )


class VaultSettings(Fragment):
    """The keys that seal tokens at rest."""

    vault_key: SecretStr | None = Field(
        None,
        description="base64 of 32 random bytes: seals every token and key; refused when missing, except in the demo",
    )
    vault_retired_keys: Annotated[tuple[SecretStr, ...], NoDecode] = Field(
        (), description="comma-separated keys: former values of the vault key, still able to open what they sealed"
    )
    demo: bool = Field(
        False, description="true or false: rehearsal on one machine; lets the vault use a key known to everyone"
    )

    @field_validator("vault_retired_keys", mode="before")
    @classmethod
    def _split_keys(cls, value: object) -> object:
        return _split(value)

    @field_validator("vault_key", "vault_retired_keys")
    @classmethod
    def _whole_keys(cls, value: SecretStr | tuple[SecretStr, ...] | None) -> SecretStr | tuple[SecretStr, ...] | None:
        for key in (value,) if isinstance(value, SecretStr) else value or ():
            _check_key(key.get_secret_value())
        return value

    def revealed_keys(self) -> tuple[str | None, list[str]]:
        """Return the sealing key and the retired ones, as `vault_from` takes them."""
        key = self.vault_key.get_secret_value() if self.vault_key else None
        return key, [each.get_secret_value() for each in self.vault_retired_keys]

    @model_validator(mode="after")
    def _sealed_outside_the_demo(self) -> Self:
        if self.vault_key is None and not self.demo:
            raise ValueError(
                "SLIPSTREAM_VAULT_KEY: is not set; it takes base64 of 32 random bytes,"
                " made by: python -c 'import base64, os; print(base64.b64encode(os.urandom(32)).decode())'"
            )
        return self


class Site(BaseModel):
    """Where an OKX site answers (okx-api facts, hosts); an empty socket address is one nobody has documented."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    rest: str = Field(pattern=r"^https?://[^/]+$")
    ws: str = Field("", pattern=r"^(wss?://[^/]+)?$")
    ws_demo: str = Field("", pattern=r"^(wss?://[^/]+)?$")


_SITES = {
    "www": Site(rest="https://www.okx.com", ws="wss://ws.okx.com", ws_demo="wss://wspap.okx.com"),
    "us": Site(rest="https://us.okx.com", ws="wss://wsus.okx.com", ws_demo="wss://wsuspap.okx.com"),
    "eea": Site(rest="https://eea.okx.com", ws="wss://wseea.okx.com", ws_demo="wss://wseeapap.okx.com"),
    "tr": Site(rest="https://tr.okx.com"),
}


class OkxSettings(Fragment):
    """Where OKX is and how long it may take."""

    okx_sites: dict[str, Site] = Field(
        _SITES, description='JSON object: for each site name its addresses, {"rest": URL, "ws": URL, "ws_demo": URL}'
    )
    okx_allowed_sites: Words = Field(
        ("www", "us", "eea"), description="comma-separated names: the only sites ever called, whatever a callback says"
    )
    okx_simulated_trading: bool = Field(False, description="true or false: trade in OKX's demo environment")
    okx_connect_timeout_ms: int = Field(2_000, gt=0, description="milliseconds: how long a connection may take to open")
    okx_read_timeout_ms: int = Field(
        4_000, gt=0, description="milliseconds: how long an answer may take; must cover order deadline and clock margin"
    )
    okx_clock_margin_ms: int = Field(
        1_000, ge=0, description="milliseconds: how wrong our estimate of the venue's clock may be"
    )

    @field_validator("okx_allowed_sites", mode="before")
    @classmethod
    def _split_sites(cls, value: object) -> object:
        return _split(value)

    @model_validator(mode="after")
    def _allowed_sites_are_known(self) -> Self:
        unknown = sorted(set(self.okx_allowed_sites) - set(self.okx_sites))
        if unknown or not self.okx_allowed_sites:
            raise ValueError(
                f"SLIPSTREAM_OKX_ALLOWED_SITES: got {','.join(self.okx_allowed_sites)!r}; it takes one or more names of"
                f" SLIPSTREAM_OKX_SITES ({', '.join(self.okx_sites)})"
            )
        return self

    def addresses(self) -> dict[str, tuple[str, str]]:
        """Return the REST and socket addresses of every allowed site, in the order they are allowed."""
        sites = {name: self.okx_sites[name] for name in self.okx_allowed_sites}
        demo = self.okx_simulated_trading
        return {name: (site.rest, site.ws_demo if demo else site.ws) for name, site in sites.items()}


class OrderSettings(OkxSettings):
    """What every order carries."""

    okx_tag: str = Field(description="1 to 16 letters or digits: the partner's connect code, on every order")
    okx_order_deadline_ms: int = Field(
        1_000, gt=0, description="milliseconds: how long an order may live on its way to the venue"
    )

    @field_validator("okx_tag")
    @classmethod
    def _tag_is_well_formed(cls, value: str) -> str:
        if not _TAG.fullmatch(value):
            raise ValueError("an order without a well-formed tag earns nothing and cannot be corrected later")
        return value

    @model_validator(mode="after")
    def _answers_outlive_orders(self) -> Self:
        least = self.okx_order_deadline_ms + self.okx_clock_margin_ms
        if self.okx_read_timeout_ms < least:
            raise ValueError(
                f"SLIPSTREAM_OKX_READ_TIMEOUT_MS: got {self.okx_read_timeout_ms}; it takes at least"
                " SLIPSTREAM_OKX_ORDER_DEADLINE_MS + SLIPSTREAM_OKX_CLOCK_MARGIN_MS"
                f" ({least}), or an order could be given up while it may still be placed"
            )
        return self


class OAuthSettings(OkxSettings):
    """The partner's OAuth application."""

    okx_client_id: str = Field(min_length=1, description="text: the OAuth client id from OKX's approval")
    okx_client_secret: SecretStr = Field(min_length=1, description="text: the OAuth client secret from OKX's approval")
    okx_token_path: str = Field(
        "/v5/users/oauth/token", pattern="^/", description="path: OKX's token endpoint, on the account's site"
    )
    okx_token_encoding: Literal["json", "form"] = Field(
        "json", description="json or form: how the token endpoint is spoken to"
    )
    refresh_life_h: float = Field(
        72, gt=0, description="hours: how long a refresh token lives; then its owner has to consent anew"
    )


class LaneSettings(Fragment):
    """Lanes and their leases; the lane count is fixed at installation."""

    lanes: int = Field(
        16, ge=1, le=4096, description="lanes: how many slices the followers are in; fixed at installation"
    )
    lease_ttl_ms: int = Field(
        3_000, gt=0, description="milliseconds: how long a lane stays with a holder that fell silent"
    )
    lease_renew_ms: int = Field(
        1_000, gt=0, description="milliseconds: how often a holder renews; at most a third of the above"
    )

    @model_validator(mode="after")
    def _leases_survive_two_lost_renewals(self) -> Self:
        if self.lease_ttl_ms < 3 * self.lease_renew_ms:
            raise ValueError(
                f"SLIPSTREAM_LEASE_TTL_MS: got {self.lease_ttl_ms}; it takes at least three times"
                f" SLIPSTREAM_LEASE_RENEW_MS ({self.lease_renew_ms}), or one slow renewal would lose the lane"
            )
        return self


def _split(value: object) -> object:
    return tuple(word.strip() for word in value.split(",") if word.strip()) if isinstance(value, str) else value


def _check_key(text: str) -> None:
    try:
        size = len(base64.b64decode(text, validate=True))
    except binascii.Error:
        size = -1
    if size != _KEY_BYTES:
        found = "no base64" if size < 0 else f"base64 of {size} bytes"
        raise ValueError(f"it is {found}")
