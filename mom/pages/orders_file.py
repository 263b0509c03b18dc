"""Orders in a CSV or XLSX file: rows to items of ``job_orders_store``, and what storing them would change."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from django.utils.translation import gettext as _

from mom.pages.words import day_year_clock
from production.services import Stored
from production.services.plan_reading import PlanError

COLUMNS = (
    "code", "line", "product", "quantity", "unit", "planned_start", "planned_end", "due_time", "sequence",
    "priority", "work_master", "option:…",
)  # fmt: skip
TIMES = ("planned_start", "planned_end", "due_time")
OPTION = "option:"
Row = tuple[int, dict[str, str]]
KINDS = {"stored": "new", "updated": "changed", "unchanged": "same", "refused": "bad"}


@dataclass(frozen=True, slots=True)
class DiffRow:
    """One row of the file: what storing it does, field by field, or why it is refused."""

    number: int
    code: str
    kind: str
    changes: tuple[tuple[str, str, str], ...]
    error: str


@dataclass(frozen=True, slots=True)
class Diff:
    rows: tuple[DiffRow, ...]

    def _count(self, kind: str) -> int:
        return sum(row.kind == kind for row in self.rows)

    @property
    def new(self) -> int:
        return self._count("new")

    @property
    def changed(self) -> int:
        return self._count("changed")

    @property
    def same(self) -> int:
        return self._count("same")

    @property
    def bad(self) -> int:
        return self._count("bad")

    @property
    def applies(self) -> int:
        return self.new + self.changed


def item_of(row: Mapping[str, str], zone: ZoneInfo) -> dict[str, Any]:
    """A row as an item: empty cells left out, local times given their zone, a decimal comma read as one."""
    item: dict[str, Any] = {}
    options: dict[str, str] = {}
    for title, text in row.items():
        if not text:
            continue
        if title.startswith(OPTION):
            options[title.removeprefix(OPTION)] = text
        elif title in TIMES:
            item[title] = _local(text, zone)
        elif title == "quantity":
            item[title] = number_text(text)
        else:
            item[title] = text
    return item | ({"options": options} if options else {})


def number_text(text: str) -> str:
    """A number as people write it: spaces between thousands, perhaps a decimal comma."""
    plain = text.replace("\u202f", "").replace("\u00a0", "").replace(" ", "")
    return plain.replace(",", ".") if plain.count(",") == 1 and "." not in plain else plain


def _local(text: str, zone: ZoneInfo) -> str:
    """As ISO text with a zone; what is not a time is passed on, to be refused with what was expected."""
    for form in ("%d/%m/%Y %H:%M", "%d/%m/%Y %H:%M:%S"):
        try:
            return datetime.strptime(text, form).replace(tzinfo=zone).isoformat()
        except ValueError:
            continue
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        return text
    return (at if at.tzinfo else at.replace(tzinfo=zone)).isoformat()


def items_of(rows: Sequence[Row], zone_of: Callable[[str], ZoneInfo]) -> list[dict[str, Any]]:
    return [item_of(row, zone_of(row.get("line", ""))) for _number, row in rows]


def repeated(rows: Sequence[Row]) -> dict[int, Stored]:
    """By place in the file, the rows whose code stands on an earlier one: which is meant nobody can tell."""
    first: dict[str, int] = {}
    found = {}
    for index, (number, row) in enumerate(rows):
        code = row.get("code", "")
        if code and first.setdefault(code, number) != number:
            rows_named = _("each code once; it is on rows %(first)d and %(second)d")
            said = rows_named % {"first": first[code], "second": number}
            found[index] = Stored(index, code, "refused", (PlanError("code", code, said),))
    return found


def diff_of(
    numbers: Sequence[int],
    results: Sequence[Stored],
    names: Mapping[str, str],
    show: Callable[[str, Any], str],
) -> Diff:
    """What ``job_orders_store(dry_run=True)`` said, by row; ``names`` are fields in words."""
    return Diff(
        tuple(
            DiffRow(number, result.code, KINDS[result.action], _changes(result, names, show), _errors(result))
            for number, result in zip(numbers, results, strict=True)
        )
    )


def _changes(
    result: Stored, names: Mapping[str, str], show: Callable[[str, Any], str]
) -> tuple[tuple[str, str, str], ...]:
    return tuple(
        (names[field], "" if before is None else show(field, before), show(field, after))
        for field, (before, after) in result.changes.items()
        if field in names and (before, after) != (None, None) and after not in (None, "", {})
    )


def shown(field: str, value: Any, zone: ZoneInfo, codes: Mapping[str, Mapping[int, str]]) -> str:
    """A plan's value as people read it: codes for rows, local times, no trailing zeros."""
    if field in codes:
        return codes[field].get(value, str(value))
    if isinstance(value, dict):
        return ", ".join(f"{name} = {text}" for name, text in value.items())
    if field in TIMES and value:
        at = value if isinstance(value, datetime) else datetime.fromisoformat(str(value))
        return day_year_clock(at, zone)
    text = str(value)
    return text.rstrip("0").rstrip(".") if "." in text and text.replace(".", "").isdecimal() else text


def _errors(result: Stored) -> str:
    return "; ".join(str(error) for error in result.errors)
