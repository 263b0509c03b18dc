"""The figures of a shift as plain data: frozen when signed, compared with what is known later."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from decimal import Decimal
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from production.domain.oee import seconds

if TYPE_CHECKING:
    from production.selectors import LineDay

Figures = dict[str, Any]
RATIO = Decimal("0.0001")


def figures_of(told: LineDay) -> Figures:
    """Numbers as text, so that they are kept exactly; unknown is null. Names never change: they are signed.

    ``complete``: data reach the end of the shift.
    """
    kpi = told.kpi
    return {
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
    return {code: _text(good, Decimal("0.001")) for code, good in found.items()}


def _text(value: Decimal | None, step: Decimal) -> str | None:
    return None if value is None else str(value.quantize(step))


def _pieces(value: Fraction) -> str:
    return str(Decimal(round(value * 1000)) / 1000)


def digest_of(figures: Figures) -> str:
    """SHA-256 of canonical JSON: sorted names, no spaces, UTF-8."""
    canonical = json.dumps(figures, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(canonical.encode()).hexdigest()


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
