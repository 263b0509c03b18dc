"""The key figures of ISO 22400-2 that the data of a machine or line supports, beside its OEE.

None where something a figure needs is not known or its denominator is 0; nothing is capped.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal

from plant.domain.quantities import ratio
from production.domain.account import Segment
from production.domain.oee import Oee, seconds
from production.domain.time_model import BREAKDOWN, PLANNED_MAINTENANCE, bucket

HOUR = Decimal(3600)


@dataclass(frozen=True, slots=True)
class Figures:
    """Times in seconds, rates per hour. ``failures``: breakdowns that began in the window. ``rework``: sent
    to it; ``after_rework``: good after it, on top of ``oee.good``, which is good the first time.

    ``mtbf`` and ``mttr`` divide by the failures, as practice does; the standard's own divide by one more.
    """

    oee: Oee
    aust: Decimal
    adet: Decimal
    breakdown: Decimal
    planned_maintenance: Decimal
    aoet: Decimal
    scrap: Decimal | None
    failures: int
    rework: Decimal | None = None
    after_rework: Decimal | None = None

    @property
    def aupt(self) -> Decimal:
        """Actual unit processing time, APT + AUST."""
        return self.oee.apt + self.aust

    @property
    def aubt(self) -> Decimal:
        """Actual unit busy time, AUPT + ADET."""
        return self.aupt + self.adet

    @property
    def allocation_efficiency(self) -> Decimal | None:
        return ratio(self.aubt, self.oee.pbt)

    @property
    def utilization_efficiency(self) -> Decimal | None:
        return ratio(self.oee.apt, self.aubt)

    @property
    def nee(self) -> Decimal | None:
        """Net equipment effectiveness, AUPT/PBT × effectiveness × quality: OEE without changeovers."""
        parts = (ratio(self.aupt, self.oee.pbt), self.oee.effectiveness, self.oee.quality)
        return None if None in parts else Decimal(parts[0]) * Decimal(parts[1]) * Decimal(parts[2])  # type: ignore[arg-type]

    @property
    def setup_ratio(self) -> Decimal | None:
        return ratio(self.aust, self.aupt)

    @property
    def technical_efficiency(self) -> Decimal | None:
        return ratio(self.oee.apt, self.oee.apt + self.adet)

    @property
    def production_process_ratio(self) -> Decimal | None:
        return ratio(self.oee.apt, self.aoet)

    @property
    def throughput_rate(self) -> Decimal | None:
        """Pieces per hour of order execution."""
        per_second = ratio(self.oee.total, self.aoet)
        return None if per_second is None else per_second * HOUR

    @property
    def scrap_ratio(self) -> Decimal | None:
        return ratio(self.scrap, self.oee.total)

    @property
    def first_pass_yield(self) -> Decimal | None:
        """Good the first time over all that was processed: a piece that went to rework is in it once."""
        return ratio(self.oee.good, self.oee.total)

    @property
    def final_yield(self) -> Decimal | None:
        """Good in the end, what came back from rework included, over all that was processed."""
        good = self.oee.good
        return None if good is None else ratio(good + (self.after_rework or 0), self.oee.total)

    @property
    def rework_ratio(self) -> Decimal | None:
        """RQ/PQ; None where nobody tells what went to rework."""
        return ratio(self.rework, self.oee.total)

    @property
    def mtbf(self) -> Decimal | None:
        return ratio(self.oee.apt, self.failures)

    @property
    def mttr(self) -> Decimal | None:
        return ratio(self.breakdown, self.failures)

    @property
    def mtbf_standard(self) -> Decimal | None:
        """ISO 22400-2 divides by the failure events plus one."""
        return ratio(self.oee.apt, self.failures + 1)

    @property
    def mttr_standard(self) -> Decimal | None:
        return ratio(self.breakdown, self.failures + 1)

    @property
    def corrective_maintenance_ratio(self) -> Decimal | None:
        return ratio(self.breakdown, self.breakdown + self.planned_maintenance)


NAMES = (
    "allocation_efficiency", "utilization_efficiency", "nee", "setup_ratio", "technical_efficiency",
    "production_process_ratio", "throughput_rate", "scrap_ratio", "first_pass_yield", "final_yield",
    "rework_ratio", "mtbf", "mttr", "mtbf_standard",
    "mttr_standard", "corrective_maintenance_ratio",
)  # fmt: skip


def figures(
    oee: Oee,
    durations: Mapping[str, timedelta],
    segments: Sequence[Segment],
    *,
    scrap: Decimal | None,
    rework: Decimal | None = None,
    after_rework: Decimal | None = None,
) -> Figures:
    """From a window's account; execution time is the time with an order."""
    failed = {s.stop_start for s in segments if s.time_class == BREAKDOWN and s.stop_start}
    begun = sum(1 for start in failed if start is not None and segments[0].start <= start)
    executed = sum((s.duration for s in segments if s.order_code), timedelta())
    return figures_of(
        oee,
        durations,
        executed=executed,
        failures=begun,
        scrap=scrap,
        rework=rework,
        after_rework=after_rework,
    )


def figures_of(
    oee: Oee,
    durations: Mapping[str, timedelta],
    *,
    executed: timedelta,
    failures: int,
    scrap: Decimal | None,
    rework: Decimal | None = None,
    after_rework: Decimal | None = None,
) -> Figures:
    """From what a window adds up to: time by class, time with an order, breakdowns that began in it."""
    return Figures(
        oee=oee,
        aust=seconds(bucket("ISO 22400-2", "AUST", durations)),
        adet=seconds(bucket("ISO 22400-2", "ADET", durations)),
        breakdown=seconds(durations.get(BREAKDOWN, timedelta())),
        planned_maintenance=seconds(durations.get(PLANNED_MAINTENANCE, timedelta())),
        aoet=seconds(executed),
        scrap=scrap,
        failures=failures,
        rework=rework,
        after_rework=after_rework,
    )
