"""Every key this product keeps in Redis: its owner, type, time-to-live and version.

All keys of an installation share one hash tag, because a commit touches the lease, the lane and the outcomes in one
step; so an installation lives on one shard of a cluster. Nothing here is the only copy of anything: what Redis loses is
rebuilt from SQL and the venue.
"""

from dataclasses import dataclass

from shared.domain.ids import AccountId
from shared.domain.lanes import Lane


@dataclass(frozen=True, slots=True)
class Keys:
    """Spells the keys of one installation."""

    installation: str

    def _key(self, rest: str) -> str:
        return f"{{{self.installation}}}:{rest}"

    def tagged(self, name: str) -> str:
        """Spell a key by its name without the installation's tag: the inverse of `untagged`."""
        return self._key(name)

    def untagged(self, key: str) -> str:
        """Name a key without the installation's tag."""
        return key.removeprefix(self._key(""))

    @property
    def settled_at_installation(self) -> str:
        """Hash, for ever: lane count and scheme.

        Written once by whoever starts first; never changed while workers run.
        """
        return self._key("installation")

    @property
    def trades(self) -> str:
        """Stream, trimmed below the slowest lane: every entry that makes an order. Owner: the publishing step."""
        return self._key("trades")

    @property
    def outcomes(self) -> str:
        """Stream, trimmed below what is in the ledger: what became of each intent. Owner: the commit step."""
        return self._key("outcomes")

    @property
    def dead(self) -> str:
        """Stream, about 10,000 entries: what could not be decoded, with the reason. Owner: the reader."""
        return self._key("dead")

    def leader(self, leader: AccountId) -> str:
        """Hash, for ever: version, last fill time, floor, position per instrument. Owner: the publishing step."""
        return self._key(f"leader:{leader}")

    def published(self, leader: AccountId) -> str:
        """Sorted set, about four days of fills: ids already published, by fill time. Owner: the publishing step."""
        return self._key(f"published:{leader}")

    def lane(self, lane: Lane) -> str:
        """Hash, for ever: offset, begun, exp_max, seq, clean, strands, subscriptions. Owner: the lease's holder."""
        return self._key(f"lane:{lane:02d}")

    def lease(self, lane: Lane) -> str:
        """Text, expires with the lease: the holder's token. Owner: the lease steps."""
        return self._key(f"lease:{lane:02d}")

    @property
    def workers(self) -> str:
        """Sorted set, stale members removed: live workers by the time of their last sign of life. Owner: the worker."""
        return self._key("workers")

    @property
    def epoch(self) -> str:
        """Hash, for ever: the server's identity, and since when its memory may be trusted. Owner: the epoch step."""
        return self._key("epoch")

    @property
    def grants(self) -> str:
        """Channel (pub/sub, nothing stored): a grant changed. Owner: the token keeper."""
        return self._key("grants")

    @property
    def restoring(self) -> str:
        """Text, expires: who gives an empty server its copy back. Owner: whoever makes the epoch."""
        return self._key("restoring")

    @property
    def published_subscriptions(self) -> str:
        """Sorted set, for ever: versions of subscriptions already announced. Owner: the announcing step."""
        return self.published(AccountId("subscriptions"))

    @property
    def published_commands(self) -> str:
        """Sorted set, for ever: operators' commands already published. Owner: the announcing step."""
        return self.published(AccountId("commands"))

    @property
    def freed(self) -> str:
        """Channel (pub/sub, nothing stored): a lane has become free. Owner: whoever gave it back."""
        return self._key("freed")

    @property
    def switches(self) -> str:
        """Channel (pub/sub, nothing stored): a kill switch was thrown. Owner: whoever threw it."""
        return self._key("switches")

    def switch_acks(self, switch: str) -> str:
        """Hash, a week: which worker follows a throw of a switch since when. Owner: the workers."""
        return self._key(f"acks:{switch}")

    def lane_group(self, lane: Lane) -> str:
        """Consumer group on `trades` that mirrors a lane's offset for others to see; nothing is read through it."""
        return f"lane:{lane:02d}"


OFFSET = "offset"
BEGUN = "begun"
EXP_MAX = "exp_max"
SEQ = "seq"
STRAND = "strand:"
SUBSCRIPTION = "subscription:"
DATA = "__data__"
"""The one field of every stream entry; FastStream's name for it."""
