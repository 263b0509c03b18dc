"""The sum of what was received: what each side counted, and what a runner's disk really holds."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

REPORT_LATE = timedelta(seconds=60)


@dataclass(frozen=True, slots=True, kw_only=True)
class Count:
    """One way in: a runner's spool, or the API (``spool`` "").

    ``told``: the sender's count of what came; ``uncounted``: values that came without one. ``written`` and
    ``confirmed``: the runner's own counts, None when it never reported; ``held``: values its disk really
    holds, None when it does not say. ``lost``: values of it a person wrote off. ``ignored``: of those
    quarantined, values of addresses a person decided to ignore.
    """

    spool: str
    told: int = 0
    stored: int = 0
    deduplicated: int = 0
    quarantined: int = 0
    uncounted: int = 0
    written: int | None = None
    confirmed: int = 0
    held: int | None = None
    lost: int = 0
    ignored: int = 0

    @property
    def kept(self) -> int:
        return self.stored + self.deduplicated + self.quarantined

    @property
    def astray(self) -> int:
        """Values written and not confirmed that its disk does not hold; below 0: it holds more."""
        return 0 if self.written is None or self.held is None else self.written - self.confirmed - self.held

    @property
    def ever(self) -> int:
        """Values written so far: what was stored since the last report may be more than it knew of."""
        return max(self.written or 0, self.told + max(self.astray, 0))

    @property
    def waiting(self) -> int:
        """What its disk holds and the database does not, as far as was told."""
        if self.written is None:
            return 0
        held = self.written - self.confirmed if self.held is None else self.held
        return max(held + self.ever - self.written - (max(self.told, self.confirmed) - self.confirmed), 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Balance:
    """received = stored + deduplicated + quarantined + ignored + in spool + retired + lost + difference.

    ``ignored``: of addresses a person decided to ignore, counted and not kept.
    ``retired``: stored once, and dropped since by the rule of how long such values are kept. ``lost``: with a
    disk that a person wrote off. ``in_spool`` and ``difference`` None: a runner's disk cannot be seen. A
    difference above 0 is missing here, below 0 is too much. ``astray``: of the difference, what a disk should
    hold and does not.
    """

    received: int
    stored: int
    deduplicated: int
    quarantined: int
    in_spool: int | None
    difference: int | None
    retired: int = 0
    lost: int = 0
    astray: int = 0
    ignored: int = 0


def balance(counts: Iterable[Count], retired: int = 0) -> Balance:
    listed = list(counts)
    received = waiting = lost = 0
    for one in listed:
        if not one.spool:
            received += one.kept
        elif one.written is None:
            # Without the runner's word only what arrived is known
            received += max(one.told, 0) + one.uncounted
        else:
            received += one.ever + one.uncounted
            gone = min(one.lost, one.waiting)
            waiting, lost = waiting + one.waiting - gone, lost + gone
    kept = sum(one.kept for one in listed)
    unseen = any(one.spool and one.written is None for one in listed)
    return Balance(
        received=received,
        stored=sum(one.stored for one in listed) - retired,
        deduplicated=sum(one.deduplicated for one in listed),
        quarantined=sum(one.quarantined - one.ignored for one in listed),
        in_spool=None if unseen else waiting,
        difference=None if unseen else received - kept - waiting - lost,
        retired=retired,
        lost=lost,
        astray=sum(one.astray for one in listed),
        ignored=sum(one.ignored for one in listed),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Spool:
    """A runner's disk for one connection; ``heard_at``: when its last word came, by our clock.

    ``since``: arrival of the oldest value that waits there, None when that was not said. ``back``: values an
    older copy of its file counted less than it had. ``lost_at``, ``lost_by``, ``lost_why``: written off.
    """

    spool: str
    host: str
    heard_at: datetime
    waiting: int
    since: datetime | None = None
    astray: int = 0
    back: int = 0
    lost: int = 0
    lost_at: datetime | None = None
    lost_by: str = ""
    lost_why: str = ""

    def is_silent(self, now: datetime) -> bool:
        return now - self.heard_at > REPORT_LATE

    @property
    def is_owing(self) -> bool:
        return self.lost_at is None and bool(self.waiting or self.astray or self.back)

    @property
    def name(self) -> str:
        return f"{self.host} {self.spool[:8]}".strip()
