"""What the commands print: for people, or as one JSON object."""

import json
from collections.abc import Sequence
from typing import Any

from services.portal.enrolling import Enrolled
from services.portal.subscribing import Changed
from services.portal.switching import Standing
from shared.domain.subscriptions import Problem
from shared.messages.entries import write_subscription


def tell_problems(problems: Sequence[Problem], *, as_json: bool) -> str:
    """Spell what is wrong, a line each: field, value, remedy."""
    if as_json:
        rows = [{"field": each.field, "value": each.value, "remedy": each.remedy} for each in problems]
        return json.dumps({"problems": rows}, ensure_ascii=False)
    lines = [f"{each.field}: got {each.value!r}; {each.remedy}" for each in problems]
    return "\n".join([*lines, f"{len(problems)} problem{'s'[: len(problems) != 1]}; nothing was stored"])


def tell_enrolled(enrolled: Enrolled, *, as_json: bool) -> str:
    """Spell what was new in a document."""
    counts = {
        "accounts": enrolled.accounts,
        "grants": enrolled.grants,
        "subscriptions": enrolled.subscriptions,
        "published": enrolled.published,
        "differing": enrolled.differing,
    }
    if as_json:
        return json.dumps(counts)
    told = "stored {accounts} accounts, {grants} grants, {subscriptions} subscriptions; published {published}"
    differing = "; {differing} subscriptions exist with other settings and were left: see subscription set"
    return (told + (differing if enrolled.differing else "")).format_map(counts)


def tell_changed(changed: Changed, *, as_json: bool) -> str:
    """Spell a subscription as it is now."""
    subscription = changed.subscription
    if subscription is None:
        return tell_problems(changed.problems, as_json=as_json)
    message = write_subscription(subscription)
    if as_json:
        facts: dict[str, Any] = {name: getattr(message, name) for name in message.__struct_fields__}
        return json.dumps({**facts, "new": changed.new, "published": changed.published})
    what = "is now" if changed.new else "is already"
    return f"{message.follower} following {message.leader} {what} version {message.version}, {message.state.value}"


def tell_published(count: int, *, as_json: bool) -> str:
    """Spell how many entries were added to the stream."""
    return json.dumps({"published": count}) if as_json else f"published {count}"


def tell_switches(standing: Sequence[Standing], *, as_json: bool) -> str:
    """Spell switches, and who follows them."""
    if as_json:
        rows = [
            {
                "scope": each.switch.scope.value,
                "name": each.switch.name,
                "action": each.switch.action.value,
                "made_ms": each.switch.made_ms,
                "following": dict(each.following),
                "awaited": list(each.awaited),
            }
            for each in standing
        ]
        return json.dumps({"switches": rows})
    return "\n".join(_told(each) for each in standing) or "no switch is in force"


def _told(standing: Standing) -> str:
    switch, following = standing.switch, standing.following
    slowest = f", the last after {max(following.values()) - switch.made_ms} ms" if following else ""
    awaited = f"; not yet: {', '.join(standing.awaited)}" if standing.awaited else ""
    whom = f"{switch.scope.value} {switch.name}".rstrip()
    return f"{whom}: {switch.action.value}; followed by {len(following)} workers{slowest}{awaited}"
