"""Effectiveness by NF E60-182 and ISO 22400-2, from times and quantities. Never capped; None where it is not
known.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal

from plant.domain.quantities import ratio
from production.domain.time_model import bucket


@dataclass(frozen=True, slots=True)
class Output:
    """What was made of one product. ``cycle``: reference seconds per piece; None when no ideal rate is
    known.
    """

    product: str
    good: Decimal | None
    total: Decimal | None
    cycle: Decimal | None


@dataclass(frozen=True, slots=True)
class Trs:
    """NF E60-182. Times in seconds; TN and TU from quantities × reference cycle."""

    tt: Decimal
    to: Decimal
    tr: Decimal
    tf: Decimal
    tn: Decimal | None
    tu: Decimal | None

    @property
    def do(self) -> Decimal | None:
        """Taux de disponibilité opérationnelle, TF/TR."""
        return ratio(self.tf, self.tr)

    @property
    def tp(self) -> Decimal | None:
        """Taux de performance, TN/TF. Above 1 the reference cycle is wrong."""
        return ratio(self.tn, self.tf)

    @property
    def tq(self) -> Decimal | None:
        """Taux de qualité, TU/TN."""
        return ratio(self.tu, self.tn)

    @property
    def trs(self) -> Decimal | None:
        return ratio(self.tu, self.tr)

    @property
    def trg(self) -> Decimal | None:
        return ratio(self.tu, self.to)

    @property
    def tre(self) -> Decimal | None:
        return ratio(self.tu, self.tt)


@dataclass(frozen=True, slots=True)
class Oee:
    """ISO 22400-2. Times in seconds; ``ideal_total`` = Σ PRI·PQ and ``ideal_good`` = Σ PRI·GQ over
    products.
    """

    pbt: Decimal
    apt: Decimal
    good: Decimal | None
    total: Decimal | None
    ideal_total: Decimal | None
    ideal_good: Decimal | None

    @property
    def availability(self) -> Decimal | None:
        return ratio(self.apt, self.pbt)

    @property
    def effectiveness(self) -> Decimal | None:
        """May exceed 1."""
        return ratio(self.ideal_total, self.apt)

    @property
    def quality(self) -> Decimal | None:
        return ratio(self.good, self.total)

    @property
    def oee(self) -> Decimal | None:
        return ratio(self.ideal_good, self.pbt)


def seconds(time: timedelta) -> Decimal:
    """Exact seconds, to the microsecond."""
    return Decimal(time // timedelta(microseconds=1)) / 1_000_000


def _ideal(outputs: Sequence[Output], name: str) -> Decimal | None:
    """Σ quantity × cycle; None as soon as one product's quantity or cycle is not known."""
    made: dict[Decimal, Decimal] = {}
    for output in outputs:
        quantity: Decimal | None = getattr(output, name)
        if quantity == 0:
            continue
        if quantity is None or output.cycle is None:
            return None
        made[output.cycle] = made.get(output.cycle, Decimal(0)) + quantity
    # Pieces are added before they are multiplied: the last digit does not depend on how a window is cut.
    return sum((made[cycle] * cycle for cycle in sorted(made)), Decimal(0))


def _sum(values: Sequence[Decimal | None]) -> Decimal | None:
    known = [value for value in values if value is not None]
    return sum(known, Decimal(0)) if len(known) == len(values) else None


def trs(durations: Mapping[str, timedelta], outputs: Sequence[Output]) -> Trs:
    times = {name: seconds(bucket("NF E60-182", name, durations)) for name in ("TT", "TO", "TR", "TF")}
    return Trs(
        times["TT"], times["TO"], times["TR"], times["TF"], _ideal(outputs, "total"), _ideal(outputs, "good")
    )


def oee(durations: Mapping[str, timedelta], outputs: Sequence[Output]) -> Oee:
    return Oee(
        pbt=seconds(bucket("ISO 22400-2", "PBT", durations)),
        apt=seconds(bucket("ISO 22400-2", "APT", durations)),
        good=_sum([output.good for output in outputs]),
        total=_sum([output.total for output in outputs]),
        ideal_total=_ideal(outputs, "total"),
        ideal_good=_ideal(outputs, "good"),
    )
