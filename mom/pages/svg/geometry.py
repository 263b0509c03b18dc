"""Where marks lie on a lane: the window covered exactly once, nothing abnormal lost by being thin."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from plant.domain.intervals import Interval

UNKNOWN = "unknown"
# What a mark shows when several share one pixel: the most abnormal wins, so a stop never vanishes.
SEVERITY = ("stop", "wait", "setup", "unknown", "slow", "planned", "idle", "run")
MINUTE = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Mark:
    """One interval to draw; ``end`` None is still going. ``kind`` is one of SEVERITY."""

    start: datetime
    end: datetime | None
    kind: str
    title: str = ""
    href: str = ""


@dataclass(frozen=True, slots=True)
class Box:
    """One drawn rectangle: ``x`` and ``width`` in percent; ``marks`` are the intervals it shows."""

    x: float
    width: float
    kind: str
    marks: tuple[Mark, ...]


def covered(marks: Iterable[Mark], window: Interval) -> list[Mark]:
    """The marks clipped to the window, in order, no data wherever none lies; together exactly the window."""
    assert window.end is not None
    found: list[Mark] = []
    at = window.start
    for mark in sorted(marks, key=lambda m: m.start):
        end = window.end if mark.end is None else min(mark.end, window.end)
        if end <= at:
            continue
        start = max(mark.start, at)
        if end <= start:
            continue
        if start > at:
            found.append(Mark(at, start, UNKNOWN))
        whole = start == mark.start and end == mark.end
        found.append(mark if whole else Mark(start, end, mark.kind, mark.title, mark.href))
        at = end
    if at < window.end:
        found.append(Mark(at, window.end, UNKNOWN))
    return found


def totals(marks: Iterable[Mark], window: Interval) -> dict[str, timedelta]:
    """Time of each kind; no data included, so that the sum is the window to the microsecond."""
    sums: dict[str, timedelta] = {}
    for mark in covered(marks, window):
        assert mark.end is not None
        sums[mark.kind] = sums.get(mark.kind, timedelta()) + (mark.end - mark.start)
    return sums


def _clusters(marks: Sequence[Mark], window: Interval, pixels: int) -> Iterator[list[Mark]]:
    assert window.end is not None
    pixel = (window.end - window.start) / pixels
    cluster: list[Mark] = []
    for mark in marks:
        assert mark.end is not None
        thin = mark.end - mark.start < pixel
        if cluster and not (thin and mark.end - cluster[0].start <= pixel):
            yield cluster
            cluster = []
        if thin:
            cluster.append(mark)
        else:
            yield [mark]
    if cluster:
        yield cluster


def lay_out(marks: Iterable[Mark], window: Interval, pixels: int = 1200) -> list[Box]:
    """Boxes end to end over 0–100 %. Marks thinner than a pixel share one, named by the worst."""
    assert window.end is not None
    length = window.end - window.start
    boxes: list[Box] = []
    for cluster in _clusters(covered(marks, window), window, pixels):
        start, end = cluster[0].start, cluster[-1].end
        assert end is not None
        worst = min({mark.kind for mark in cluster}, key=_rank) if len(cluster) > 1 else cluster[0].kind
        boxes.append(
            Box(
                100 * ((start - window.start) / length), 100 * ((end - start) / length), worst, tuple(cluster)
            )
        )
    return boxes


def _rank(kind: str) -> int:
    return SEVERITY.index(kind) if kind in SEVERITY else SEVERITY.index(UNKNOWN)


def tick_step(window: Interval) -> timedelta:
    """A round distance that gives about a dozen ticks or fewer."""
    assert window.end is not None
    for minutes in (5, 15, 30, 60, 120, 240, 720):
        if (window.end - window.start) / (MINUTE * minutes) <= 13:
            return MINUTE * minutes
    return timedelta(days=1)


@lru_cache(maxsize=64)  # every lane of a page has the same
def hour_ticks(window: Interval, zone: ZoneInfo) -> tuple[tuple[float, str], ...]:
    """Percent and local label of every round time; a clock change shows as a missing or second hour."""
    assert window.end is not None
    step = tick_step(window)
    length = window.end - window.start
    at = window.start.replace(second=0, microsecond=0)
    quarter = timedelta(minutes=5)
    at -= timedelta(minutes=at.minute % 5)
    found: list[tuple[float, str]] = []
    while at < window.end:
        local = at.astimezone(zone)
        minutes = local.hour * 60 + local.minute
        if at >= window.start and minutes % (step // MINUTE) == 0:
            found.append((100 * ((at - window.start) / length), local.strftime("%H:%M")))
        at += quarter
    return tuple(found)


def position(at: datetime, window: Interval) -> float:
    """Percent of the window an instant lies at."""
    assert window.end is not None
    return 100 * ((at.astimezone(UTC) - window.start) / (window.end - window.start))
