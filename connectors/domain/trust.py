"""Whether a connection's values can be believed, and why not: from what was counted, measured and missed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from connectors.domain.balance import Balance, Spool
from connectors.domain.filling import Filling
from connectors.domain.phrase import Phrase, late, phrase

WATERMARK_LATE = timedelta(minutes=5)
DELAY_LATE = 10.0
CLOCK_OFF = 2.0
CLOCK_WRONG = 300.0
SHARES = (0.70, 0.85, 0.95)
# A broker as it is delivered keeps a thousand messages for us and drops the rest without a word
QUEUE_SURE = timedelta(minutes=1)
# A report takes this long at most from the reading of a clock to where it is heard
CLOCK_BEHIND = timedelta(seconds=10)
SOON_FULL = 7.0


class Level(StrEnum):
    BELIEVE = "believe"
    CARE = "care"
    REFUSE = "refuse"


@dataclass(frozen=True, slots=True)
class Reason:
    """``evidence``: the part of the page that shows it; ``cause``: code of a gap's cause, if it is one."""

    level: Level
    text: Phrase
    evidence: str
    cause: str = ""


@dataclass(frozen=True, slots=True)
class Stuck:
    """A signal that says the same although its machine runs; ``usual``: time between changes before."""

    signal_id: int
    address: str
    equipment: str
    value: object
    since: datetime
    running: timedelta
    usual: timedelta


@dataclass(frozen=True, slots=True)
class Missing:
    """A span without values; ``end_time`` None = still going; ``recovered`` "" = they never came."""

    cause: str
    start_time: datetime
    end_time: datetime | None
    recovered: str
    machines: tuple[str, ...]
    detail: str

    def lasted(self, now: datetime) -> timedelta:
        return (self.end_time or max(now, self.start_time)) - self.start_time


@dataclass(frozen=True, slots=True)
class Disk:
    """``kind``: spool or database; ``share`` of it in use, 0 to 1; ``full``: nothing is acknowledged.

    ``key``: what its readings are kept under; ``filling``: when it will be full, None = unknown.
    """

    kind: str
    where: str
    share: float
    free: int | None
    full: bool = False
    key: str = ""
    total: int | None = None
    filling: Filling | None = None


@dataclass(frozen=True, slots=True)
class Checked:
    """When packed history was last compared with its seals: what was read, and how much did not agree."""

    at: datetime
    segments: int
    samples: int
    broken: int


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """``delay``: seconds from source to database that half and 95 % of the recent values did not exceed;
    ``least_delay`` below 0: the source's clock is ahead. ``unread``: open unreadable messages of a day.
    ``behind``: how far a runner's clock is behind ours. ``unmapped``: addresses of a day that nobody mapped
    or ignored; ``unnamed``: and others, only counted.
    """

    enabled: bool
    mapped: int
    pushed: bool
    balance: Balance
    reported_at: datetime | None
    delay: tuple[float, float] | None
    least_delay: float | None
    last_value: datetime | None
    watermark: datetime | None
    gaps: tuple[Missing, ...] = ()
    stuck: tuple[Stuck, ...] = ()
    disks: tuple[Disk, ...] = ()
    unread: int = 0
    behind: timedelta = timedelta(0)
    unmapped: int = 0
    unnamed: bool = False
    rate: Mapping[datetime, int] = field(default_factory=dict)
    checked: Checked | None = None
    spools: tuple[Spool, ...] = ()


@dataclass(frozen=True, slots=True)
class Verdict:
    level: Level
    reasons: tuple[Reason, ...]


def verdict(found: Evidence, now: datetime) -> Verdict:
    """The worst reason decides; without any, the values can be believed up to the watermark."""
    reasons = [*_whether_it_speaks(found, now), *_sum(found, now), *_gaps(found, now), *_quality(found, now)]
    reasons += [*_history(found.checked), *_disks(found.disks)]
    reasons.sort(key=lambda reason: reason.level != Level.REFUSE)
    levels = {reason.level for reason in reasons}
    worst = next((level for level in (Level.REFUSE, Level.CARE) if level in levels), Level.BELIEVE)
    return Verdict(worst, tuple(reasons))


def _whether_it_speaks(found: Evidence, now: datetime) -> list[Reason]:
    if not found.enabled:
        return [Reason(Level.REFUSE, Phrase(late("it is switched off: nothing new comes")), "how-far")]
    if not found.mapped:
        return [Reason(Level.REFUSE, Phrase(late("no signal is mapped: nothing of it is used")), "how-far")]
    if found.watermark is None:
        text = late("nothing says up to when its values are complete")
        return [Reason(Level.CARE if found.pushed else Level.REFUSE, Phrase(text), "how-far")]
    behind = now - found.watermark
    if behind > WATERMARK_LATE:
        told = phrase(late("nothing is known of the last %(time)s"), time=lasting(behind))
        return [Reason(Level.CARE if found.pushed else Level.REFUSE, told, "how-far")]
    return []


def _sum(found: Evidence, now: datetime) -> list[Reason]:
    told = found.balance
    if told.difference is None:
        text = Phrase(late("a runner's disk cannot be seen: what still waits there is unknown"))
        return [Reason(Level.CARE, text, "sum")]
    reasons = [reason for spool in found.spools for reason in _spool(spool, now, found)]
    unsent = told.difference - told.astray
    if unsent > 0:
        text = phrase(late("confirmed to the runner and not here: %(count)d values"), count=unsent)
        reasons.append(Reason(Level.REFUSE, text, "sum"))
    elif unsent < 0:
        text = phrase(late("here and never sent by the runner: %(count)d values"), count=-unsent)
        reasons.append(Reason(Level.REFUSE, text, "sum"))
    return reasons


def _spool(spool: Spool, now: datetime, found: Evidence) -> list[Reason]:
    """Each runner's disk by itself: that another one reports says nothing of it."""
    reasons = []
    silent = lasting(now - spool.heard_at) if spool.is_silent(now) else ""
    if silent and spool.waiting and spool.lost_at is None:
        said = late(
            "runner %(name)s has not reported for %(time)s and its disk holds %(count)d values we do not"
        )
        text = phrase(said, name=spool.name, time=silent, count=spool.waiting)
        reasons.append(Reason(Level.REFUSE, text, "runners"))
    elif silent and found.enabled and spool.heard_at == max(one.heard_at for one in found.spools):
        text = phrase(late("the runner has not reported for %(time)s"), time=silent)
        reasons.append(Reason(Level.CARE, text, "runners"))
    if spool.lost_at is not None:
        return reasons
    if spool.astray:
        said = late("runner %(name)s does not hold what it should: %(count)d values differ")
        text = phrase(said, name=spool.name, count=abs(spool.astray))
        reasons.append(Reason(Level.REFUSE, text, "runners"))
    if spool.back:
        said = late("the disk of runner %(name)s is an older copy: %(count)d values are not on it")
        reasons.append(Reason(Level.REFUSE, phrase(said, name=spool.name, count=spool.back), "runners"))
    return reasons


def _gaps(found: Evidence, now: datetime) -> list[Reason]:
    going = [gap for gap in found.gaps if gap.end_time is None]
    reasons = []
    if going:
        first = min(going, key=lambda gap: gap.start_time)
        text = phrase(late("values have been missing for %(time)s"), time=lasting(first.lasted(now)))
        reasons.append(Reason(Level.REFUSE, text, "gaps", first.cause))
    lost = missing_time([gap for gap in found.gaps if gap.end_time is not None and not gap.recovered], now)
    if lost:
        text = phrase(late("%(time)s of the last 24 hours are missing"), time=lasting(lost))
        reasons.append(Reason(Level.CARE, text, "gaps"))
    queued = max((gap.lasted(now) for gap in found.gaps if gap.recovered == "broker_queue"), default=None)
    if queued is not None and queued > QUEUE_SURE:
        said = late("the broker's queue stood in for %(time)s: what it had no room for is not seen")
        reasons.append(Reason(Level.CARE, phrase(said, time=lasting(queued)), "gaps"))
    return reasons


def missing_time(gaps: Iterable[Missing], now: datetime) -> timedelta:
    """Of the last 24 hours; what two gaps share counts once."""
    total, reached = timedelta(0), now - timedelta(days=1)
    for gap in sorted(gaps, key=lambda gap: gap.start_time):
        end = min(gap.end_time or now, now)
        if end > reached:
            total += end - max(gap.start_time, reached)
            reached = end
    return total


def _runner_clock(found: Evidence, now: datetime) -> list[Reason]:
    ahead = found.reported_at - now if found.reported_at is not None else timedelta(0)
    if ahead > timedelta(seconds=CLOCK_OFF):
        said, apart = late("the runner's clock is %(time)s ahead of ours"), ahead
    elif found.behind > CLOCK_BEHIND:
        said, apart = late("the runner's clock is %(time)s behind ours"), found.behind
    else:
        return []
    wrong = apart > timedelta(seconds=CLOCK_WRONG)
    return [Reason(Level.REFUSE if wrong else Level.CARE, phrase(said, time=lasting(apart)), "clock")]


def _source_clock(found: Evidence) -> list[Reason]:
    """And, where that is right, how long its values take."""
    reasons, least = list[Reason](), found.least_delay
    if least is not None and found.behind > CLOCK_BEHIND:
        # Against a clock that is behind every source seems ahead: by so much it is none of the source's
        least += min(found.behind.total_seconds(), max(-least, 0.0))
    if least is not None and least < -max(CLOCK_OFF, CLOCK_BEHIND.total_seconds() if found.behind else 0.0):
        wrong = least < -CLOCK_WRONG
        ours = late("the source's clock is %(time)s ahead of ours")
        theirs = late("the source's clock is %(time)s ahead of the runner's: one of them is wrong")
        text = phrase(ours if found.pushed else theirs, time=lasting(timedelta(seconds=-least)))
        reasons.append(Reason(Level.REFUSE if wrong else Level.CARE, text, "clock"))
    elif least is not None and least > CLOCK_WRONG:
        text = phrase(
            late("its newest values are %(time)s old when they arrive: a slow clock or a buffer"),
            time=lasting(timedelta(seconds=least)),
        )
        reasons.append(Reason(Level.CARE, text, "clock"))
    elif found.delay is not None and found.delay[1] > DELAY_LATE:
        text = phrase(
            late("one value in twenty takes longer than %(time)s"),
            time=lasting(timedelta(seconds=found.delay[1])),
        )
        reasons.append(Reason(Level.CARE, text, "lag"))
    return reasons


def _quality(found: Evidence, now: datetime) -> list[Reason]:
    reasons = [*_runner_clock(found, now), *_source_clock(found)]
    for stuck in found.stuck:
        text = phrase(
            late("%(address)s of %(machine)s has said the same for %(time)s while the machine runs"),
            address=stuck.address,
            machine=stuck.equipment,
            time=lasting(stuck.running),
        )
        reasons.append(Reason(Level.CARE, text, "stuck"))
    if found.unmapped or found.unnamed:
        said = late("addresses that sent values in the last 24 hours and that nobody mapped: %(count)d")
        more = late("more than %(count)d addresses sent values in the last 24 hours that nobody mapped")
        text = phrase(more if found.unnamed else said, count=found.unmapped)
        reasons.append(Reason(Level.CARE, text, "unmapped"))
    if found.unread:
        text = phrase(
            late("messages of the last 24 hours that nobody could read: %(count)d"), count=found.unread
        )
        reasons.append(Reason(Level.CARE, text, "unread"))
    return reasons


def _history(checked: Checked | None) -> list[Reason]:
    if checked is None or not checked.broken:
        return []
    text = phrase(
        late("packed history was changed: %(count)d parts do not agree with their seals"),
        count=checked.broken,
    )
    return [Reason(Level.REFUSE, text, "history")]


def _disks(disks: Iterable[Disk]) -> list[Reason]:
    reasons = []
    for disk in disks:
        if disk.full:
            text = phrase(
                late("the disk at %(where)s is full: the source must keep what it is not acknowledged"),
                where=disk.where,
            )
            reasons.append(Reason(Level.REFUSE, text, "disks"))
        elif disk.share >= SHARES[0]:
            passed = max(share for share in SHARES if disk.share >= share)
            text = phrase(
                late("the disk at %(where)s is more than %(share)d %% full"),
                where=disk.where,
                share=round(passed * 100),
            )
            reasons.append(Reason(Level.CARE, text, "disks"))
        pace = disk.filling
        left = pace.days if pace else None
        if pace is not None and left is not None and left <= SOON_FULL and not disk.full:
            said = late("the disk at %(where)s is full in about %(days)s days at the pace of %(over)d days")
            text = phrase(said, where=disk.where, days=days_said(left), over=pace.over)
            reasons.append(Reason(Level.CARE, text, "disks"))
    return reasons


def days_said(days: float) -> str:
    return "< 1" if days < 1 else str(round(days))


def lasting(time: timedelta) -> str:
    """As read in both languages: 40 s, 12 min, 3 h 05."""
    seconds = round(time.total_seconds())
    if seconds < 120:
        return f"{seconds} s"
    if seconds < 7200:
        return f"{seconds // 60} min"
    return f"{seconds // 3600} h {seconds % 3600 // 60:02d}"
