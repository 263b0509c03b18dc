"""Figures of a shift or an order as plain data: frozen when signed, compared with what is known later."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from decimal import Decimal
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from production.domain.oee import seconds

if TYPE_CHECKING:
    from mom.record.model import OperationalRecord
    from mom.signing.open_then import OpenThen
    from production.selectors import LineDay

Figures = dict[str, Any]
RATIO = Decimal("0.0001")
PIECE = Decimal("0.001")


def figures_of(told: LineDay, left: OpenThen | None = None) -> Figures:
    """Numbers as text, so that they are kept exactly; unknown is null. Names never change: they are signed.

    ``complete``: data reach the end of the shift. ``left``: what the shift handed over, if that is signed.
    """
    kpi = told.kpi
    found: Figures = {
        "complete": str(told.is_over).lower(),
        "planned": _text(told.planned, Decimal(1)),
        "possible": _pieces(told.missing.possible),
        "good": _pieces(told.missing.good),
        "trs": _text(kpi.trs.trs, RATIO),
        "oee": _text(kpi.oee.oee, RATIO),
        "availability": _text(kpi.oee.availability, RATIO),
        "effectiveness": _text(kpi.oee.effectiveness, RATIO),
        "quality": _text(kpi.oee.quality, RATIO),
        "seconds": {name: str(seconds(time)) for name, time in kpi.account.durations.items()},
        "uncoded_seconds": str(seconds(kpi.account.uncoded)),
        "causes": _causes(told),
        "orders": _orders(told),
    }
    return found if left is None else {**found, "open": left.as_figures()}


def _causes(told: LineDay) -> Figures:
    """Pieces by kind, reason, machine and origin; a dash for none."""
    found: dict[str, Fraction] = {}
    for cause in told.missing.causes:
        key = " ".join(part or "-" for part in (cause.kind, cause.reason_code, cause.machine, cause.origin))
        found[key] = found.get(key, Fraction(0)) + cause.pieces
    return {key: _pieces(pieces) for key, pieces in found.items()}


def _orders(told: LineDay) -> Figures:
    """Good pieces by order, however often it was interrupted; null as soon as one part is not known."""
    found: dict[str, Decimal | None] = {}
    for made in told.kpi.made:
        if made.use.code:
            before = found.get(made.use.code, Decimal(0))
            found[made.use.code] = None if before is None or made.good is None else before + made.good
    return {code: _text(good, PIECE) for code, good in found.items()}


def order_figures(record: OperationalRecord) -> Figures:
    """What a record says in numbers, by the codes of the plant, never by words of one language."""
    head, pieces, split = record.head, record.pieces, record.split
    good = next((row.actual for row in record.plan if row.key == "quantity"), None)
    return {
        "state": head.state,
        "product": head.product_code,
        "plan_version": str(head.version),
        "planned": _text(head.quantity, PIECE),
        "unit": head.unit,
        "start": _instant(head.start),
        "end": _instant(head.end),
        "worked_seconds": _whole(head.working_seconds),
        "good": _text(good if isinstance(good, Decimal) else None, PIECE),
        "started": _text(pieces.started if pieces else None, PIECE),
        "scrap": _text(pieces.scrap if pieces else None, PIECE),
        "remainder": _text(pieces.remainder if pieces else None, PIECE),
        "span_seconds": _whole(split.span_seconds if split else None),
        "seconds": {row.time_class: str(row.seconds) for row in split.rows} if split else {},
        "uncoded_stops": str(record.completeness.uncoded_stops),
        "uncoded_seconds": str(record.completeness.uncoded_seconds),
        "stops": _added(
            (f"{s.equipment_code} {s.reason_code or '-'}", Decimal(s.seconds)) for s in record.stops
        ),
        "lots": _added(
            (f"{lot.direction} {lot.lot_code}", lot.quantity)
            for lot in record.lots
            if lot.quantity is not None
        ),
        "materials": {row.material_code: _text(row.used, PIECE) for row in record.balance},
        "tests": _added((row.verdict, Decimal(1)) for row in record.tests if not row.replaced),
        "deviations": {row.code: row.state for row in record.deviations},
        "requests": {row.code: _text(Decimal(1), Decimal(1)) for row in record.requests},
        "decisions": str(len(record.decisions)),
    }


def _added(rows: Iterable[tuple[str, Decimal]]) -> Figures:
    found: dict[str, Decimal] = {}
    for key, amount in rows:
        found[key] = found.get(key, Decimal(0)) + amount
    return {key: str(amount.normalize() + 0) if amount else "0" for key, amount in found.items()}


def _instant(at: datetime | None) -> str | None:
    return None if at is None else at.isoformat()


def _whole(value: int | None) -> str | None:
    return None if value is None else str(value)


def _text(value: Decimal | None, step: Decimal) -> str | None:
    return None if value is None else str(value.quantize(step))


def _pieces(value: Fraction) -> str:
    return str(Decimal(round(value * 1000)) / 1000)


def digest_of(figures: Figures) -> str:
    """SHA-256 of canonical JSON: sorted names, no spaces, UTF-8."""
    canonical = json.dumps(figures, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(canonical.encode()).hexdigest()


def comparable(figures: Figures, signed: Figures) -> Figures:
    """Of what is known, the figures that were signed: what a report did not sign cannot differ from it."""
    return {name: value for name, value in figures.items() if name in signed}


def changes(before: Figures, after: Figures) -> dict[str, list[Any]]:
    """Figures that differ, by their path: [before, after]; absent is null."""
    old, new = dict(_flat(before)), dict(_flat(after))
    return {
        path: [old.get(path), new.get(path)]
        for path in sorted({*old, *new})
        if old.get(path) != new.get(path)
    }


def _flat(figures: Mapping[str, Any], above: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in figures.items():
        path = f"{above}{name}"
        if isinstance(value, Mapping):
            yield from _flat(value, f"{path}/")
        else:
            yield path, value
