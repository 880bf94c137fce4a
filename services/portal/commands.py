"""The command line: which commands there are and what they take. `--help` of each is its manual."""

from argparse import ArgumentParser, Namespace, RawDescriptionHelpFormatter
from collections.abc import Sequence

from services.portal.document import ACCOUNT, API_KEY, OAUTH, SETTINGS, SUBSCRIPTION
from services.portal.forms import Form
from services.portal.settings import Settings
from shared.configuration import help_text
from shared.domain.subscriptions import BelowMinimum, DriftPolicy, Ending, SubscriptionState
from shared.domain.switches import Scope

LIST = "list"
NOT_SET = "none"
"""How a limit is taken away on the command line."""


def parse(arguments: Sequence[str]) -> Namespace:
    """Read a command line; leaves the process with usage and code 2 if it cannot."""
    parser = ArgumentParser(
        prog="python -m services.portal",
        description="Lets accounts in and changes subscriptions.",
        epilog=help_text(Settings).partition("\n\n")[2],
        formatter_class=RawDescriptionHelpFormatter,
    )
    shared = ArgumentParser(add_help=False)
    shared.add_argument("--json", action="store_true", help="print one JSON object, nothing else")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    enrol = commands.add_parser(
        "enrol",
        parents=[shared],
        help="enrol the accounts and subscriptions of a JSON document",
        description="Enrols accounts and subscriptions. Nothing is stored if anything is wrong with the document;"
        " repeating it changes nothing.",
        epilog=_schema(),
        formatter_class=RawDescriptionHelpFormatter,
    )
    enrol.add_argument("file", metavar="FILE.json", help="the document; - reads it from standard input")
    enrol.add_argument(
        "--replace-grants",
        action="store_true",
        help="take the document's grants where one is stored: the owner has consented anew",
    )
    commands.add_parser(
        "serve", help="serve pages and API", description="Serves pages and API until a signal; SIGTERM drains."
    )
    republish = commands.add_parser("republish", parents=[shared], help="publish what is stored but not in the stream")
    republish.add_argument("--all", action="store_true", help="publish every subscription: Redis has lost the stream")
    _add_switch(commands.add_parser("switch", help="throw, lift or list kill switches", parents=[shared]))
    _add_subscription(
        commands.add_parser("subscription", help="create, change, pause, resume or end a subscription"), shared
    )
    return parser.parse_args(arguments)


def _add_subscription(parser: ArgumentParser, shared: ArgumentParser) -> None:
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    change = actions.add_parser("set", parents=[shared], help="give it these settings and keep the others")
    change.add_argument("--follower", required=True, metavar="F")
    change.add_argument("--leader", required=True, metavar="L")
    change.add_argument(
        "--state",
        choices=[each.value for each in SubscriptionState],
        help="active resumes; ended ends; closes go in every state",
    )
    change.add_argument("--below-minimum", choices=[each.value for each in BelowMinimum])
    change.add_argument("--drift", choices=[each.value for each in DriftPolicy], help="what to do about drift")
    change.add_argument(
        "--ending",
        choices=[each.value for each in Ending],
        help="with --state ended: close what is held now, or keep it until the leader closes",
    )
    for name in ("ratio", "max_age_ms", "slippage_cap", "max_order", "max_position"):
        takes = SETTINGS[name].takes.replace("null", NOT_SET)
        change.add_argument(f"--{name.replace('_', '-')}", metavar="N", help=takes)


def _add_switch(parser: ArgumentParser) -> None:
    parser.description = (
        "Throws a kill switch: at once, by stream and by notice. Waits until every running worker has said that it"
        " follows. Exit codes: 0 all follow, 1 some have not said so, or something we need is away, 2 refused."
    )
    parser.add_argument(
        "action",
        choices=["stop-opens", "flatten", "lift", LIST],
        metavar="ACTION",
        help="stop-opens; flatten, which also closes what followers hold because of us; lift; list",
    )
    whom = parser.add_mutually_exclusive_group()
    whom.add_argument("--platform", action="store_true", help="everybody")
    for scope in ("leader", "follower", "instrument"):
        whom.add_argument(f"--{scope}", metavar=scope[0].upper())
    parser.add_argument(
        "--wait-s", type=float, default=5.0, metavar="S", help="seconds: how long to wait for workers (default 5)"
    )


def given_scope(command: Namespace) -> tuple[Scope, str] | None:
    """Return whom a switch named on a command line concerns, None if nobody."""
    if command.platform:
        return Scope.PLATFORM, ""
    named = ((scope, getattr(command, scope.value)) for scope in (Scope.LEADER, Scope.FOLLOWER, Scope.INSTRUMENT))
    return next(((scope, name) for scope, name in named if name is not None), None)


def given_settings(command: Namespace) -> dict[str, object]:
    """Return the settings named on a command line, as a document would spell them."""
    given = {name: getattr(command, name) for name in SETTINGS if getattr(command, name) is not None}
    values: dict[str, object] = {name: None if value == NOT_SET else value for name, value in given.items()}
    age = values.get("max_age_ms")
    if isinstance(age, str) and age.isascii() and age.isdigit():
        values["max_age_ms"] = int(age)
    return values


def _schema() -> str:
    parts = {
        'The document is {"accounts": [...], "subscriptions": [...]}. An account has': ACCOUNT,
        "Its oauth has (a follower's)": OAUTH,
        "Its api_key has (a leader's)": API_KEY,
        "A subscription has": SUBSCRIPTION,
    }
    return "\n\n".join(f"{title}\n{_fields(form)}" for title, form in parts.items())


def _fields(form: Form) -> str:
    return "\n".join(
        f"  {name:<16} {field.takes}" + ("" if field.required else f"; left out: {_spelled(field.default)}")
        for name, field in form.items()
    )


def _spelled(value: object) -> str:
    if value in (None, "", False):
        return {False: "false"}.get(value, "none") if isinstance(value, bool) else "none"
    return str(value)
