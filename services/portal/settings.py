"""What a portal may be told."""

from shared.settings import DatabaseSettings, OkxSettings, RedisSettings, VaultSettings


class Settings(RedisSettings, DatabaseSettings, VaultSettings, OkxSettings):
    """The portal lets accounts in and changes subscriptions."""
