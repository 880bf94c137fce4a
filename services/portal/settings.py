"""What a portal may be told."""

from typing import Self

from pydantic import Field, SecretStr, model_validator

from shared.settings import DatabaseSettings, OAuthSettings, OkxSettings, ProcessSettings, RedisSettings, VaultSettings
from shared.vault.credentials import ApiKey
from shared.vault.secret import Secret

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
    check_h: float = Field(1, gt=0, description="hours: how often each connected account is looked at, at OKX")
    checks_a_second: float = Field(5, gt=0, description="looks: at accounts, the most in a second, per portal")
    okx_partner_key: SecretStr | None = Field(
        None, description="text: the partner's own API key; with it OKX is asked whether accounts earn a rebate"
    )
    okx_partner_secret: SecretStr | None = Field(None, description="text: its secret key")
    okx_partner_passphrase: SecretStr | None = Field(None, description="text: its passphrase")
    webhooks_private: bool = Field(
        False,
        description="true or false: whether webhooks may lead into private networks, by http too; to rehearse",
    )
    webhooks_keep_days: float = Field(14, gt=0, description="days: how long delivered and failed messages are shown")
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

    def partner_key(self) -> ApiKey | None:
        """Return the partner's own key, None if there is none."""
        parts = (self.okx_partner_key, self.okx_partner_secret, self.okx_partner_passphrase)
        given = [Secret(each.get_secret_value()) for each in parts if each is not None]
        return ApiKey(*given) if len(given) == len(parts) else None

    @model_validator(mode="after")
    def _the_partner_s_key_is_whole(self) -> Self:
        parts = (self.okx_partner_key, self.okx_partner_secret, self.okx_partner_passphrase)
        if any(each is None for each in parts) and any(each is not None for each in parts):
            raise ValueError(
                "SLIPSTREAM_OKX_PARTNER_KEY: is given in parts; it takes key, SLIPSTREAM_OKX_PARTNER_SECRET and"
                " SLIPSTREAM_OKX_PARTNER_PASSPHRASE together, or none of them"
            )
        return self

    @model_validator(mode="after")
    def _operators_are_not_guessed(self) -> Self:
        if self.operator_token is not None and len(self.operator_token.get_secret_value()) < _LEAST_OPERATOR:
            raise ValueError(
                f"SLIPSTREAM_OPERATOR_TOKEN: is shorter than {_LEAST_OPERATOR} characters; it takes a long random text,"
                " made by: python -c 'import secrets; print(secrets.token_urlsafe(32))'"
            )
        return self
