"""What may go wrong, in words: the closed set of faults a run draws from."""

from collections.abc import Mapping
from enum import StrEnum


class Kind(StrEnum):
    """One kind of fault; the value is its name on the command line and in the report."""

    WORKER_KILLED = "worker_killed"
    WATCHER_KILLED = "watcher_killed"
    KEEPER_KILLED = "keeper_killed"
    RECORDER_KILLED = "recorder_killed"
    WORKER_PAUSED = "worker_paused"
    WATCHER_PAUSED = "watcher_paused"
    OTHERS_PAUSED = "others_paused"
    WORKER_DRAINED = "worker_drained"
    LATE_DELIVERY = "late_delivery"
    REDIS_KILLED = "redis_killed"
    REDIS_OLDER = "redis_older"
    REDIS_EMPTIED = "redis_emptied"
    REDIS_FAILOVER = "redis_failover"
    REDIS_PAUSED = "redis_paused"
    SQL_LOCKED = "sql_locked"
    ANSWERS_LOST = "answers_lost"
    RESET_BEFORE_READ = "reset_before_read"
    RESET_AFTER_READ = "reset_after_read"
    RESET_AFTER_ACCEPT = "reset_after_accept"
    SERVER_ERRORS = "server_errors"
    THROTTLE_STORM = "throttle_storm"
    LATENCY_SPIKE = "latency_spike"
    SLOW_TRICKLE = "slow_trickle"
    ORDER_LAG = "order_lag"
    HISTORY_ERRORS = "history_errors"
    TOKENS_EXPIRED = "tokens_expired"
    TOKENS_ROTATED = "tokens_rotated"
    GRANTS_REVOKED = "grants_revoked"
    SOCKETS_DROPPED = "sockets_dropped"
    SOCKETS_SILENT = "sockets_silent"
    PUSHES_REPEATED = "pushes_repeated"
    PUSHES_REORDERED = "pushes_reordered"
    PUSHES_LATE = "pushes_late"
    PUSHES_UNNAMED = "pushes_unnamed"
    PUSHES_LOST = "pushes_lost"
    CLOCK_AHEAD = "clock_ahead"
    CLOCK_BEHIND = "clock_behind"
    SUBSCRIPTIONS_EDITED = "subscriptions_edited"
    WORKER_WITHOUT_REDIS = "worker_without_redis"
    WORKER_WITHOUT_OKX = "worker_without_okx"


MEANINGS: Mapping[Kind, str] = {
    Kind.WORKER_KILLED: "a worker is killed (kill -9) in the middle of a fan-out and started again",
    Kind.WATCHER_KILLED: "a watcher is killed and started again",
    Kind.KEEPER_KILLED: "the token keeper is killed and started again",
    Kind.RECORDER_KILLED: "the ledger recorder is killed and started again",
    Kind.WORKER_PAUSED: "a worker is stopped for longer than its leases last, and goes on with what it believed",
    Kind.WATCHER_PAUSED: "a watcher is stopped for a while, and goes on",
    Kind.OTHERS_PAUSED: "keeper and recorder are stopped for a while, and go on",
    Kind.WORKER_DRAINED: "a worker is asked to stop (SIGTERM) in the middle of the trading, and started again",
    Kind.LATE_DELIVERY: "a worker dies, and what it had sent reaches the venue long after others took over",
    Kind.REDIS_KILLED: "the server is killed and comes back with its data",
    Kind.REDIS_OLDER: "the server is killed and comes back with an older copy of its data",
    Kind.REDIS_EMPTIED: "the server is killed and comes back without its data",
    Kind.REDIS_FAILOVER: "a replica that missed the last moments takes the server's place",
    Kind.REDIS_PAUSED: "the server is stopped for a while, and goes on",
    Kind.SQL_LOCKED: "the database takes no writes for a while",
    Kind.ANSWERS_LOST: "orders are accepted and never answered",
    Kind.RESET_BEFORE_READ: "connections are reset before the venue reads the order",
    Kind.RESET_AFTER_READ: "connections are reset after the venue has read an order, which it does not take",
    Kind.RESET_AFTER_ACCEPT: "orders are accepted, and their connections reset instead of an answer",
    Kind.SERVER_ERRORS: "orders are answered 502, some accepted and some not",
    Kind.THROTTLE_STORM: "orders and questions are answered 429",
    Kind.LATENCY_SPIKE: "orders take long on their way in, or their answers on the way out",
    Kind.SLOW_TRICKLE: "answers come a byte at a time",
    Kind.ORDER_LAG: "the venue does not show an order it has accepted for a while",
    Kind.HISTORY_ERRORS: "the leaders' history is answered 502",
    Kind.TOKENS_EXPIRED: "access tokens expire before their time, in the middle of an event",
    Kind.TOKENS_ROTATED: "access tokens live so shortly that pairs are replaced all the time",
    Kind.GRANTS_REVOKED: "followers take their consent back, and give it anew a moment later",
    Kind.SOCKETS_DROPPED: "the leaders' sockets are cut",
    Kind.SOCKETS_SILENT: "the leaders' sockets stay open and say nothing any more",
    Kind.PUSHES_REPEATED: "pushes of leaders' fills come twice",
    Kind.PUSHES_REORDERED: "pushes of leaders' fills come out of order",
    Kind.PUSHES_LATE: "pushes of leaders' fills come late",
    Kind.PUSHES_UNNAMED: "pushes of leaders' fills do not name their trade",
    Kind.PUSHES_LOST: "pushes of leaders' fills do not come any more, until the sockets end",
    Kind.CLOCK_AHEAD: "the host's clock runs ahead of the venue's",
    Kind.CLOCK_BEHIND: "the host's clock runs behind the venue's",
    Kind.SUBSCRIPTIONS_EDITED: "followers change their ratios, pause and resume",
    Kind.WORKER_WITHOUT_REDIS: "a worker cannot reach the server, and everything else can",
    Kind.WORKER_WITHOUT_OKX: "a worker cannot reach the venue, and everything else can",
}

SERVER_KINDS = frozenset({Kind.REDIS_KILLED, Kind.REDIS_OLDER, Kind.REDIS_EMPTIED, Kind.REDIS_FAILOVER})
"""Kinds that end a server; at most one of them is drawn for a run."""
FROM_THE_START = frozenset({Kind.CLOCK_AHEAD, Kind.CLOCK_BEHIND, Kind.TOKENS_ROTATED})
"""Kinds that hold for a whole run."""
