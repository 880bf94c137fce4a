"""What a portal may be told."""

from typing import Self

from pydantic import Field, SecretStr, model_validator

from shared.settings import DatabaseSettings, OAuthSettings, OkxSettings, ProcessSettings, RedisSettings, VaultSettings

_LEAST_OPERATOR = 32


class CommandSettings(RedisSettings, DatabaseSettings, VaultSettings, OkxSettings):
    """What the commands of the portal need."""


class Settings(CommandSettings, ProcessSettings, OAuthSettings):
    """The portal lets accounts in and changes subscriptions: pages and API."""

    portal_host: str = Field("127.0.0.1", description="address: where pages and API are served")
    portal_port: int = Field(8080, ge=0, le=65535, description="port: the same; 0 takes a free one and logs it")
    public_url: str = Field(
        "http://127.0.0.1:8080",
        pattern=r"^https?://[^/]+$",
        description="URL: how browsers reach the portal; OKX must know it, with /callback, as redirect URL",
    )
    okx_authorize_path: str = Field(
        "/account/oauth", pattern="^/", description="path: OKX's consent page, on the account's site"
    )
    okx_channel_id: str = Field("", description="text: the partner code on the consent page; empty leaves it out")
    okx_token_redirect_uri: bool = Field(
        False, description="true or false: whether the redirect URL is sent with the code"
    )
    okx_key_addresses: str = Field(
        "", description="comma-separated addresses: what keys made by Fast API are bound to, beside OKX's own list"
    )
    session_hours: float = Field(12, gt=0, description="hours: how long a sign-in lasts")
    operator_token: SecretStr | None = Field(
        None, description="text of 32 characters or more: the operators' credential; without it their routes are closed"
    )
    requests_a_minute: int = Field(
        240, gt=0, description="requests: the most one address may make in a minute, pages and API together"
    )

    @property
    def redirect_uri(self) -> str:
        """Return where owners come back to."""
        return f"{self.public_url}/callback"

    @model_validator(mode="after")
    def _operators_are_not_guessed(self) -> Self:
        if self.operator_token is not None and len(self.operator_token.get_secret_value()) < _LEAST_OPERATOR:
            raise ValueError(
                f"SLIPSTREAM_OPERATOR_TOKEN: is shorter than {_LEAST_OPERATOR} characters; it takes a long random text,"
                " made by: python -c 'import secrets; print(secrets.token_urlsafe(32))'"
            )
        return self
