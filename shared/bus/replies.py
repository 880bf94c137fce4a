"""Replies of a client that never decodes: redis-py types them wider than they are."""

from typing import cast


def text(value: object) -> str:
    """Return a bulk reply as text."""
    return cast("bytes", value).decode()
