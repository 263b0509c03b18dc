"""A number nobody means is asked about once more; nobody is refused for it."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING

from production.selectors.units import ideal_rates, rate_in_force

if TYPE_CHECKING:
    from mom.tablet.session import Station
    from production.models import JobOrder

# Ten times what can be made is a slip of the finger, or a lie of the clock.
TIMES = Decimal(10)
# So many widths of the limits beyond them is not what a gauge shows.
WIDTHS = Decimal(3)
SHORTEST = timedelta(minutes=10)
SURE = "sure"


def most_makeable(station: Station, order: JobOrder, since: datetime, now: datetime) -> Decimal:
    """More than this is asked about: ten times the fastest the station can make since then, and in all ten
    times what the order asks for where no rate is known.
    """
    places = dict.fromkeys((station.equipment.pk, *(unit.pk for unit in station.units), station.line.pk))
    rates = ideal_rates(equipment_ids=places)
    for place in places:
        rate = rate_in_force(rates, equipment_id=place, product_id=order.product_id, at=now)
        if rate is not None:
            hours = Decimal(max(now - since, SHORTEST) / timedelta(hours=1))
            return (rate.units_per_hour * hours * TIMES).quantize(Decimal(1))
    return order.quantity * TIMES


def far_limits(lower: Decimal | None, upper: Decimal | None) -> tuple[Decimal | None, Decimal | None]:
    """Values beyond these are asked about: three widths of the limits outside them."""
    if lower is not None and upper is not None:
        width = upper - lower
        width = width if width > 0 else abs(upper) or Decimal(1)
        return lower - WIDTHS * width, upper + WIDTHS * width
    if upper is not None:
        return None, upper + WIDTHS * (abs(upper) or Decimal(1))
    if lower is not None:
        return lower - WIDTHS * (abs(lower) or Decimal(1)), None
    return None, None


def is_far(value: Decimal, lower: Decimal | None, upper: Decimal | None) -> bool:
    low, high = far_limits(lower, upper)
    return (low is not None and value < low) or (high is not None and value > high)
