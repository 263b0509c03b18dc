"""Products, shifts and weekdays of a line side by side, and the orders or shifts behind each figure."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from django.urls import reverse
from django.utils.formats import date_format
from django.utils.translation import gettext as _

from mom.pages import words
from mom.pages.board import href, reason_names
from plant import selectors
from production.domain.analysis import FEWEST, Cause, Lap, Sums, share_of, summed
from production.selectors.analysis import LineDays

PRODUCT, SHIFT, WEEKDAY = "product", "shift", "weekday"
BY = (PRODUCT, SHIFT, WEEKDAY)
SHOWN = 10  # causes told one by one; the rest is one row
MOST_GROUPS = 8
OTHERS = "others"
NONE = timedelta()


@dataclass(frozen=True, slots=True)
class Group:
    """One product, shift or weekday. ``is_few``: too few orders, or shifts, to compare."""

    by: str
    key: str
    label: str
    sums: Sums
    href: str

    @property
    def count(self) -> int:
        return len(self.sums.orders) if self.by == PRODUCT else len(self.sums.shifts)

    @property
    def is_few(self) -> bool:
        return self.count < FEWEST


@dataclass(frozen=True, slots=True)
class Cell:
    time: timedelta | None
    share: Decimal | None
    href: str


@dataclass(frozen=True, slots=True)
class CauseRow:
    """One cause across the groups; cells in their order."""

    key: str
    label: str
    kind: str
    cells: tuple[Cell, ...]


@dataclass(frozen=True, slots=True)
class Table:
    """``left``: groups too many to show side by side."""

    by: str
    groups: tuple[Group, ...]
    causes: tuple[CauseRow, ...]
    left: int


def key_of(by: str, lap: Lap) -> str:
    if by == PRODUCT:
        return lap.product_code
    return lap.shift_code if by == SHIFT else str(lap.day.weekday())


def cause_key(cause: Cause) -> str:
    """A cause in an address: its class, and its reason if it has one."""
    name = "uncoded" if cause.uncoded else cause.time_class
    return f"{name}:{cause.reason_code}" if cause.reason_code else name


def tables(found: LineDays, query: dict[str, str]) -> list[Table]:
    """By product, by shift, by weekday; ``query`` keeps the range in every link."""
    names = _names(found)
    return [_table(by, found, query, names) for by in BY]


@dataclass(frozen=True, slots=True)
class _Names:
    products: dict[str, str]
    shifts: dict[str, str]
    reasons: dict[str, str]

    def of(self, by: str, key: str) -> str:
        if by == WEEKDAY:
            # The first of January 2024 was a Monday.
            return str(date_format(date(2024, 1, 1 + int(key)), "l"))
        if by == SHIFT:
            return self.shifts.get(key) or key
        return self.products.get(key, key) or _("No product known")

    def cause(self, cause: Cause) -> str:
        if cause.reason_code:
            return self.reasons.get(cause.reason_code, cause.reason_code)
        return words.class_word("uncoded" if cause.uncoded else cause.time_class)


def _names(found: LineDays) -> _Names:
    codes = {lap.product_code for lap in found.laps}
    materials: Any = selectors.configuration_rows("plant.MaterialDefinition", code__in=codes)
    reasons = {cause.reason_code for lap in found.laps for cause in lap.times if cause.reason_code}
    return _Names(
        {row.code: row.name for row in materials},
        {shift.code: shift.name for shift in found.shifts},
        reason_names(reasons),
    )


def _table(by: str, found: LineDays, query: dict[str, str], names: _Names) -> Table:
    grouped: dict[str, list[Lap]] = {}
    for lap in found.laps:
        # Time between orders belongs to no product; it is in the shifts.
        if by != PRODUCT or lap.order_code:
            grouped.setdefault(key_of(by, lap), []).append(lap)
    page = reverse("line_analysis", args=[found.line.code])
    groups = [
        Group(by, key, names.of(by, key), summed(laps), _href(page, query, by, key))
        for key, laps in grouped.items()
    ]
    first = {key: laps[0].shift_start for key, laps in grouped.items()}
    order: dict[str, Callable[[Group], Any]] = {
        PRODUCT: lambda group: (-group.sums.required, group.key),
        SHIFT: lambda group: (first[group.key].time(), group.key),
        WEEKDAY: lambda group: group.key,
    }
    groups.sort(key=order[by])
    shown = tuple(groups[:MOST_GROUPS])
    rows = _causes(shown, lambda key, cause: _href(page, query, by, key, cause), names)
    return Table(by, shown, tuple(rows), len(groups) - len(shown))


def _href(page: str, query: dict[str, str], by: str, key: str, cause: str = "") -> str:
    return f"{href(page, **query, by=by, key=key, cause=cause)}#behind"


def _causes(groups: tuple[Group, ...], opens: Callable[[str, str], str], names: _Names) -> Iterable[CauseRow]:
    """Causes by their time in all groups together; what speed and rejects cost closes the account."""
    lost = [_by_key(group.sums) for group in groups]
    one_of = {cause_key(cause): cause for group in groups for cause in group.sums.lost}
    ordered = sorted(one_of, key=lambda key: (-sum((one.get(key, NONE) for one in lost), NONE), key))
    for key in ordered[:SHOWN]:
        cells = (
            _cell(group, mine.get(key), opens(group.key, key))
            for group, mine in zip(groups, lost, strict=True)
        )
        cause = one_of[key]
        kind = words.class_kind("uncoded" if cause.uncoded else cause.time_class)
        yield CauseRow(key, names.cause(cause), kind, tuple(cells))
    if rest := ordered[SHOWN:]:
        sums = (sum((mine.get(key, NONE) for key in rest), NONE) for mine in lost)
        cells = (_cell(group, time, opens(group.key, "")) for group, time in zip(groups, sums, strict=True))
        yield CauseRow(OTHERS, _("All other causes"), words.PLANNED, tuple(cells))
    if groups:
        cells = (_cell(group, group.sums.speed_and_rejects, opens(group.key, "")) for group in groups)
        yield CauseRow("speed_and_rejects", _("Speed and rejects"), "slow", tuple(cells))


def _by_key(sums: Sums) -> dict[str, timedelta]:
    """Lost time by what is told apart on the page: what waits for a reason is one cause, whatever it was."""
    found: dict[str, timedelta] = {}
    for cause, time in sums.lost.items():
        key = cause_key(cause)
        found[key] = found.get(key, NONE) + time
    return found


def _cell(group: Group, time: timedelta | None, opens: str) -> Cell:
    share = None if time is None else share_of(time, group.sums.required)
    return Cell(time or None, share, opens)


@dataclass(frozen=True, slots=True)
class Behind:
    """One order or shift behind a figure; ``lost`` to the cause asked for, else to all causes."""

    label: str
    detail: str
    sums: Sums
    lost: timedelta
    href: str


def behind(found: LineDays, *, by: str, key: str, cause: str) -> list[Behind]:
    """The orders of a product, or the shifts of a code or weekday: whoever lost most first."""
    grouped: dict[tuple[Any, ...], list[Lap]] = {}
    for lap in found.laps:
        if key_of(by, lap) != key or (by == PRODUCT and not lap.order_code):
            continue
        whose = (lap.order_code,) if by == PRODUCT else (lap.day, lap.shift_code)
        grouped.setdefault(whose, []).append(lap)
    rows = [_behind(found, by, laps, cause) for laps in grouped.values()]
    if cause:
        rows = [row for row in rows if row.lost]
    return sorted(rows, key=lambda row: (-row.lost, row.label))


def _behind(found: LineDays, by: str, laps: list[Lap], cause: str) -> Behind:
    sums, first = summed(laps), laps[0]
    lost = sum((time for one, time in sums.lost.items() if not cause or cause_key(one) == cause), timedelta())
    day = words.day_month(first.day)
    if by == PRODUCT:
        opens = f"{reverse('order', args=[first.order_code])}#time"
        return Behind(first.order_code, f"{day} · {first.shift_code}", sums, lost, opens)
    opens = reverse("shift_report", args=[found.line.code, first.day.isoformat(), first.shift_code])
    return Behind(f"{day} · {first.shift_code}", ", ".join(sums.orders[:3]), sums, lost, opens)
