"""A venue's token endpoint in memory: a renewal kills the old pair at once; a refresh token works once."""

import asyncio
from collections import Counter
from collections.abc import Callable

from shared.vault.credentials import GrantRefused, TokenPair
from shared.vault.secret import Secret

LIFE_MS = 3_600_000


def pair_of(account: str, number: int, lives_ms: int = LIFE_MS) -> TokenPair:
    return TokenPair(Secret(f"access-{account}-{number}"), Secret(f"refresh-{account}-{number}"), lives_ms)


class RotatingVenue:
    """Knows each account's one valid pair by the names `pair_of` gives."""

    def __init__(self) -> None:
        self.valid: dict[str, int] = {}
        self.asked: Counter[str] = Counter()
        """How often each refresh token was presented."""
        self.before_answer: Callable[[], None] = lambda: None

    def consent(self, account: str) -> TokenPair:
        self.valid[account] = 1
        return pair_of(account, 1)

    async def refresh(self, site: str, pair: TokenPair) -> TokenPair:
        assert site
        token = pair.refresh.reveal()
        account, _, number = token.removeprefix("refresh-").rpartition("-")
        self.asked[token] += 1
        await asyncio.sleep(0)
        if self.valid.get(account) != int(number):
            raise GrantRefused("53005", "wrong refresh token")
        self.valid[account] += 1
        self.before_answer()
        return pair_of(account, self.valid[account])
