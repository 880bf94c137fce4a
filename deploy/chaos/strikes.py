"""Which function does which kind of fault."""

from collections.abc import Mapping

from deploy.chaos.act import Striking
from deploy.chaos.kinds import Kind
from deploy.chaos.striking import consent, edits, feeds, processes, servers, venue

STRIKES: Mapping[Kind, Striking] = {
    Kind.WORKER_KILLED: processes.kill_worker,
    Kind.WATCHER_KILLED: processes.kill_watcher,
    Kind.KEEPER_KILLED: processes.kill_keeper,
    Kind.RECORDER_KILLED: processes.kill_recorder,
    Kind.WORKER_PAUSED: processes.pause_worker,
    Kind.WATCHER_PAUSED: processes.pause_watcher,
    Kind.OTHERS_PAUSED: processes.pause_others,
    Kind.WORKER_DRAINED: processes.drain_worker,
    Kind.LATE_DELIVERY: processes.deliver_late,
    Kind.WORKER_WITHOUT_REDIS: processes.without_redis,
    Kind.WORKER_WITHOUT_OKX: processes.without_okx,
    Kind.REDIS_KILLED: servers.kill_redis,
    Kind.REDIS_OLDER: servers.older_redis,
    Kind.REDIS_EMPTIED: servers.empty_redis,
    Kind.REDIS_FAILOVER: servers.replace_redis,
    Kind.REDIS_PAUSED: servers.pause_redis,
    Kind.SQL_LOCKED: servers.lock_sql,
    Kind.TOKENS_EXPIRED: consent.expire_tokens,
    Kind.TOKENS_ROTATED: consent.watch_rotation,
    Kind.GRANTS_REVOKED: consent.revoke_grants,
    Kind.SOCKETS_DROPPED: feeds.drop_sockets,
    Kind.SOCKETS_SILENT: feeds.silence_sockets,
    Kind.PUSHES_LOST: feeds.lose_pushes,
    Kind.CLOCK_AHEAD: venue.shift_clock,
    Kind.CLOCK_BEHIND: venue.shift_clock,
    Kind.SUBSCRIPTIONS_EDITED: edits.edit_subscriptions,
    **{kind: venue.trouble(kind) for kind in venue.TROUBLE},
}
