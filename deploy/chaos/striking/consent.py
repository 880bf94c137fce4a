"""Tokens that end before their time, and consent that is taken back, lost and given anew."""

import asyncio
import sqlite3
from collections.abc import Sequence
from random import Random
from secrets import token_hex

from deploy.chaos.act import Act, now_ms
from deploy.demo.cast import Follower
from deploy.demo.enrolment import account_of
from deploy.demo.processes import DidNotRun
from deploy.demo.stage import enrol
from shared.domain.grants import GrantStatus

_LIFE_S = 86_400
_PICKED_UP_MS = 8_000
"""How long after its new consent an account may still be refused: who missed the notice looks every few seconds."""
_ASKED_MS = 2_000
"""How long before it is seen here a consent may have been found lost."""
_TRIES = 20


async def expire_tokens(act: Act, dice: Random) -> None:
    """End the access tokens of a third of the followers; the refresh tokens stay good."""
    chosen = _some(act, dice, 3)
    await act.theatre.stage.venue.plant({"kind": "expire_tokens", "uids": [each.uid for each in chosen]})
    act.timeline.note("venue", f"the access tokens of {len(chosen)} followers have expired")


async def watch_rotation(act: Act, _dice: Random) -> None:
    """Say that pairs are replaced all the time in this run; the cast was drawn so."""
    act.timeline.note("venue", "access tokens live for seconds")


async def revoke_grants(act: Act, dice: Random) -> None:
    """Let some followers take their consent back, and give it anew a few seconds later."""
    chosen, seconds = _some(act, dice, 6), dice.uniform(1, 5)
    since_ms = now_ms()
    async with act.consenting:
        await act.theatre.stage.venue.plant({"kind": "revoke_tokens", "uids": [each.uid for each in chosen]})
        act.timeline.note("venue", f"{', '.join(each.account for each in chosen)} took their consent back")
        await asyncio.sleep(seconds)
        await _consent_anew(act, chosen, since_ms)


async def answer_requests(act: Act) -> None:
    """Let whoever is asked for their consent give it, as an owner would who is told that theirs is lost.

    A renewal whose answer died with the keeper is such a loss: the venue knows a pair that nobody else does.
    """
    async with act.consenting:
        asked = set(await asyncio.to_thread(_asked, act))
        chosen = [each for each in act.theatre.cast.followers if each.account in asked]
        if chosen:
            act.timeline.note("portal", f"{', '.join(sorted(asked))} are asked for their consent")
            await _consent_anew(act, chosen, now_ms() - _ASKED_MS)


def _asked(act: Act) -> list[str]:
    database = sqlite3.connect(act.theatre.folder / "slipstream.db", timeout=5)
    try:
        rows = database.execute("SELECT account FROM grants WHERE status = ?", (GrantStatus.NEEDS_CONSENT.value,))
        return [account for (account,) in rows]
    finally:
        database.close()


async def _consent_anew(act: Act, chosen: Sequence[Follower], since_ms: int) -> None:
    renewed = []
    for each in chosen:
        access, refresh = f"at-{each.uid}-{token_hex(16)}", f"rt-{each.uid}-{token_hex(16)}"
        await act.theatre.stage.venue.consent(each.uid, access, refresh, _LIFE_S)
        renewed.append(account_of(each, access, refresh, _LIFE_S))
    await _enrol_again(act, renewed)
    act.timeline.note("portal", f"{len(chosen)} followers have consented anew")
    for each in chosen:
        act.dead.setdefault(each.account, []).append((since_ms, now_ms() + _PICKED_UP_MS))


async def _enrol_again(act: Act, accounts: Sequence[dict[str, object]]) -> None:
    document = {"accounts": list(accounts), "subscriptions": []}
    for _ in range(_TRIES):
        try:
            await enrol(act.theatre.folder, act.theatre.settings, document, act.theatre.logs, "--replace-grants")
        except DidNotRun as failed:
            act.timeline.note("portal", f"enrolment failed: {str(failed).splitlines()[-1][:160]}")
            await asyncio.sleep(0.5)
        else:
            return
    raise DidNotRun("consent could not be written down; expected the database to take it within some tries")


def _some(act: Act, dice: Random, share: int) -> list[Follower]:
    followers = act.theatre.cast.followers
    return dice.sample(list(followers), max(1, len(followers) // share))
