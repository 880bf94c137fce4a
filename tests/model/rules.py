"""The rules of the lane protocol, each a switch: the model runs with all of them, and must go wrong without any one."""

from enum import StrEnum


class Rule(StrEnum):
    """One protective rule; the value is its name on the command line."""

    BEGUN_FENCED = "begun_fenced"
    """`begun` is raised only by the lane's holder, and never lowered."""
    STAMP_WITH_CHECK = "stamp_with_check"
    """The lease is checked and `expTime` stamped in the step that sends; nothing prepared outlives its lease."""
    EXP_MAX_CAP = "exp_max_cap"
    """No `expTime` is later than the lease's `exp_max`."""
    WAIT_EXP_MAX = "wait_exp_max"
    """Nobody asks before the venue's clock is surely past the latest `expTime` that may have been written."""
    UNIQUE_TOKEN = "unique_token"
    """A lease's token is random; one counted in Redis comes twice when Redis forgets."""
    TOKEN_IN_COMMIT = "token_in_commit"
    """A commit checks the lease's token."""
    COMMIT_SEQ = "commit_seq"
    """A commit carries the number it writes: one already applied is a repeat, one too far is refused."""
    EPOCH_IN_COMMIT = "epoch_in_commit"
    """A commit is refused by a server that is not the one the epoch record names."""
    NEXT_AFTER_COMMIT = "next_after_commit"
    """The next order, leg or try of a strand leaves only after the previous one is committed."""
    BOOK_BY_SETTLED = "book_by_settled"
    """The book moves by what filled, not by what was accepted."""
    ASK_UNKNOWN = "ask_unknown"
    """An order without a definitive answer is asked for before anything else of its strand is sent."""
    ASK_IN_DOUBT = "ask_in_doubt"
    """After a takeover, what somebody else may have sent is asked for before it is sent."""
    ASK_ALL_NAMES = "ask_all_names"
    """Every event, both legs, all tries are asked for; the newest hit does not end the asking."""
    REFUSED_KEEPS_NAME = "refused_keeps_name"
    """A refused order does not use up its try: names that exist have no gaps, so asking may stop at an absent one."""
    TWO_ABSENT_ANSWERS = "two_absent_answers"
    """An order is absent when it was absent twice, some time apart."""
    OWED_ON_OFFSET = "owed_on_offset"
    """What is unfinished when the offset passes it is recorded."""
    SINCE_AFTER_EPOCH = "since_after_epoch"
    """After Redis forgot, every fill not newer than that moment is in doubt."""
    SINCE_IS_LATEST = "since_is_latest"
    """That moment is the latest the venue's clock may show, not the estimate of it."""
    EPOCH_VOIDS_LEASES = "epoch_voids_leases"
    """Who finds another server voids every lease, so that holders start over from what Redis still knows."""
    PUBLISHER_DEDUPE = "publisher_dedupe"
    """A fill already published is not published again."""
    CAS_POSITION = "cas_position"
    """A publication is refused when the position it was computed from is no longer in force."""
    VERSION_OF_SERVER = "version_of_server"
    """A publication computed from another server's state is refused: counters start over when Redis forgets."""
    READ_BEFORE_ASKING = "read_before_asking"
    """Asking waits until the reader has caught up: an order is named after the last event it covers."""
    FORGOTTEN_AT_ONCE = "forgotten_at_once"
    """The first publication of a leader to a server has every fill REST shows, in one step."""
    REPUBLISHED_FIRST = "republished_first"
    """After Redis forgot, what is in doubt is asked for only when its leader was published again to this server."""


ALL_RULES = frozenset(Rule)


class Fault(StrEnum):
    """What may go wrong; each schedule draws some."""

    CRASH = "crash"
    PAUSE = "pause"
    LOST_ANSWER = "lost_answer"
    REFUSED = "refused"
    THROTTLED = "throttled"
    PARTIAL = "partial"
    LAG = "lag"
    CLOCK = "clock"
    LOST_REPLY = "lost_reply"
    ROLLBACK = "rollback"
    EMPTIED = "emptied"
    RELEASE = "release"
    WATCHERS_DOWN = "watchers_down"


ALL_FAULTS = frozenset(Fault)
