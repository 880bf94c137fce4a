"""What makes an enrolment impossible, beyond its single fields: found before anything is stored."""

from collections import defaultdict
from collections.abc import Collection, Iterator

from services.portal.applicants import Applicant, Enrolment, Known, Member
from shared.domain.grants import GrantKind
from shared.domain.ids import AccountId
from shared.domain.subscriptions import Problem, Subscription, SubscriptionState, circle, problems

_SPOT_ONLY = "1"
_NET = "net_mode"


def check(enrolment: Enrolment, known: Known, sites: Collection[str]) -> list[Problem]:
    """List everything wrong with an enrolment, accounts first; an empty list means it can be stored."""
    found = [*_repeated_accounts(enrolment.applicants)]
    for each in enrolment.applicants:
        found += check_applicant(each, known, sites)
    found += _repeated_uids(enrolment.applicants, known)
    after = with_applicants(known, enrolment.applicants)
    return [*found, *check_subscriptions(enrolment.subscriptions, after)]


def with_applicants(known: Known, applicants: Collection[Applicant]) -> Known:
    """Return what would be known once the applicants are in; a grant that is there stays."""
    brought = {each.member.account: each.grants for each in applicants if each.grants}
    members = {each.member.account: each.member for each in applicants}
    return Known({**known.members, **members}, {**brought, **known.grants}, known.subscriptions)


def check_applicant(applicant: Applicant, known: Known, sites: Collection[str]) -> Iterator[Problem]:
    """Yield what is wrong with one account."""
    member = applicant.member
    path, stored = f"accounts.{member.account}", known.members.get(member.account)
    if member.site not in sites:
        yield Problem(f"{path}.site", member.site, f"use one of {', '.join(sites)}, or allow it in the settings")
    if stored and stored.uid != member.uid:
        yield Problem(f"{path}.uid", member.uid, f"use another account name: this one belongs to uid {stored.uid}")
    kept = known.grants.get(member.account)
    if kept and applicant.grants and kept is not applicant.grants:
        yield Problem(f"{path}.{applicant.grants}", "***", f"remove it: the account already has its {kept}")
    grant = kept or applicant.grants
    if grant is None:
        yield Problem(path, member.account, "add oauth or api_key: nothing lets us act for the account")
    if member.leads and grant is GrantKind.OAUTH:
        yield Problem(f"{path}.leads", "true", "give the leader an api_key: its trades are watched by API key")


def check_subscriptions(wanted: Collection[Subscription], known: Known) -> Iterator[Problem]:
    """Yield what is wrong with subscriptions, each judged together with those that are stored and those before it."""
    leaders_of: dict[AccountId, set[AccountId]] = defaultdict(set)
    for each in known.subscriptions.values():
        if each.state is not SubscriptionState.ENDED:
            leaders_of[each.follower].add(each.leader)
    seen = set()
    for each in wanted:
        path = f"subscriptions.{each.follower}.{each.leader}"
        if (each.follower, each.leader) in seen:
            yield Problem(path, each.leader, "keep one: a follower follows a leader once")
        seen.add((each.follower, each.leader))
        for problem in (*problems(each), *_unable(each, known), *_circle(each, leaders_of)):
            yield Problem(f"{path}.{problem.field}", problem.value, problem.remedy)
        if each.state is not SubscriptionState.ENDED:
            leaders_of[each.follower].add(each.leader)


def _circle(each: Subscription, leaders_of: dict[AccountId, set[AccountId]]) -> list[Problem]:
    if each.follower == each.leader or each.state is SubscriptionState.ENDED:
        return []
    problem = circle(each.follower, each.leader, leaders_of)
    return [problem] if problem else []


def _unable(each: Subscription, known: Known) -> Iterator[Problem]:
    follower, leader = known.members.get(each.follower), known.members.get(each.leader)
    for role, name in (("follower", each.follower), ("leader", each.leader)):
        if name not in known.members:
            yield Problem(role, name, "enrol the account first, or correct its name")
    if leader and leader.position_mode not in (_NET, ""):
        yield Problem(
            "position_mode", leader.position_mode, f"choose another leader: {leader.account} is not in net mode"
        )
    if leader and not leader.leads:
        yield Problem("leader", each.leader, "say leads: true for the account, so that its trades are watched")
    if follower:
        yield from _cannot_follow(follower)
    if follower and leader and follower.main_uid == leader.main_uid and follower.account != leader.account:
        yield Problem("leader", each.leader, f"choose another leader: both belong to main account {leader.main_uid}")


def _cannot_follow(follower: Member) -> Iterator[Problem]:
    if follower.position_mode != _NET:
        mode = follower.position_mode or "not known"
        yield Problem("position_mode", mode, f"set {follower.account} to net mode at OKX, and say net_mode here")
    if follower.account_level == _SPOT_ONLY:
        yield Problem("follower", follower.account, "set the account's level to 2 or above: level 1 trades no swaps")


def _repeated_accounts(applicants: Collection[Applicant]) -> Iterator[Problem]:
    seen = set()
    for each in applicants:
        if each.member.account in seen:
            yield Problem(f"accounts.{each.member.account}", each.member.account, "keep one: it is there twice")
        seen.add(each.member.account)


def _repeated_uids(applicants: Collection[Applicant], known: Known) -> Iterator[Problem]:
    owner = {(member.site, member.uid): name for name, member in known.members.items()}
    for each in applicants:
        member = each.member
        first = owner.setdefault((member.site, member.uid), member.account)
        if first != member.account:
            yield Problem(
                f"accounts.{member.account}.uid", member.uid, f"remove it: the account is enrolled as {first}"
            )
