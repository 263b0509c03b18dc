"""Recording what was measured; a failed check opens a nonconformance by itself."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from plant import audit
from plant import selectors as plant
from plant.access import Actor, rule
from plant.services import revision_bump
from production.selectors.lookups import job_order_for_id, job_order_running
from quality import selectors
from quality.domain.checks import judge
from quality.models import SpecificationVersion, TestResult, TestSpecification
from quality.models.result import result_key
from quality.services.nonconformances import nonconformance_open
from quality.services.refusals import CheckRefused

if TYPE_CHECKING:
    from plant.models import Equipment
    from production.models import JobOrder

AHEAD = timedelta(minutes=5)
LARGEST = Decimal(10) ** 13
FAILED_CHECK = rule("failed-check")


@dataclass(frozen=True, slots=True)
class Measurement:
    """What is said about one measured value, apart from what it is a check of."""

    value: Decimal
    measured_at: datetime
    job_order_id: int | None = None
    lot_code: str = ""
    sample_number: int | None = None
    gauge: str = ""
    comment: str = ""
    measured_by_id: int | None = None


@transaction.atomic
def result_record(
    *, specification_code: str, measurement: Measurement, by: Actor, source: str = "api", key: str = ""
) -> TestResult:
    """Store and judge one value, by the limits in force when it was measured. Without an order it is counted
    for the one that ran there at that time.

    Raises CheckRefused. Sent twice under one key, the first result is given again.
    """
    specification = _specification(specification_code)
    by.require("quality.record", specification.equipment)
    if earlier := selectors.result_by_key(key) if key else None:
        if (earlier.specification_id, earlier.value) != (specification.pk, measurement.value):
            raise CheckRefused(f"key: read {key!r}, which was used for another result")
        return earlier
    _checked(measurement)
    order = _order(specification, measurement)
    limits = selectors.version_at(specification_id=specification.pk, at=measurement.measured_at)
    result = TestResult.objects.create(
        specification=specification,
        equipment=specification.equipment,
        job_order=order,
        lot_code=measurement.lot_code.strip(),
        sample_number=measurement.sample_number,
        value=measurement.value,
        **_judged(measurement.value, limits or specification),
        version=limits,
        measured_at=measurement.measured_at,
        source=source,
        gauge=measurement.gauge,
        person_id=measurement.measured_by_id or by.person_id,
        device_id=by.device_id,
        actor=by.label[:80],
        comment=measurement.comment,
        key=key or result_key(),
    )
    _trail(result, "record", by)
    if result.judgement == TestResult.Judgement.FAIL:
        _nonconformance_open(result)
    return result


def _judged(value: Decimal, limits: SpecificationVersion | TestSpecification) -> dict[str, Any]:
    """The limits a value is judged by, kept with it, and the judgement."""
    return {
        "unit": limits.unit,
        "lower": limits.lower,
        "upper": limits.upper,
        "target": limits.target,
        "judgement": judge(value, lower=limits.lower, upper=limits.upper),
    }


@transaction.atomic
def result_correct(
    *, result_id: int, value: Decimal, why: str, by: Actor, source: str = "api", key: str = ""
) -> TestResult:
    """Say what the value of a result should have been; both stay, the new one counts.

    It is judged as the earlier one was, by the same version. Raises CheckRefused without a reason, or when
    the result was corrected already. A nonconformance the earlier one opened stays: people decide about it.
    """
    earlier = _result(result_id)
    by.require("quality.record", earlier.equipment)
    if known := selectors.result_by_key(key) if key else None:
        if (known.supersedes_id, known.value) != (earlier.pk, value):
            raise CheckRefused(f"key: read {key!r}, which was used for another result")
        return known
    if not why.strip():
        raise CheckRefused("why: read nothing, expected what was wrong with the result")
    _checked(Measurement(value=value, measured_at=earlier.measured_at))
    later = getattr(earlier, "superseded_by", None)
    if later is not None:
        raise CheckRefused(f"result: read {earlier.pk}, which {later.pk} corrected already")
    try:
        with transaction.atomic():
            result = _correction(earlier, value, why.strip(), by, source, key)
    except IntegrityError:
        raise CheckRefused(f"result: read {earlier.pk}, which someone else corrected meanwhile") from None
    _trail(result, "correct", by, why=result.why, before=earlier)
    opened = any(hasattr(each, "nonconformance") for each in selectors.corrected_of(result))
    if result.judgement == TestResult.Judgement.FAIL and not opened:
        _nonconformance_open(result)
    return result


def _result(result_id: int) -> TestResult:
    try:
        return selectors.result_by_id(result_id)
    except TestResult.DoesNotExist:
        raise CheckRefused(f"result: read {result_id}, expected a result known here") from None


def _correction(
    earlier: TestResult, value: Decimal, why: str, by: Actor, source: str, key: str
) -> TestResult:
    same = ("specification", "version", "equipment", "job_order", "lot_code", "sample_number", "measured_at")
    return TestResult.objects.create(
        **{name: getattr(earlier, name) for name in (*same, "gauge", "unit", "lower", "upper", "target")},
        supersedes=earlier,
        why=why,
        value=value,
        judgement=judge(value, lower=earlier.lower, upper=earlier.upper),
        source=source,
        person_id=by.person_id,
        device_id=by.device_id,
        actor=by.label[:80],
        key=key or result_key(),
    )


def _specification(code: str) -> TestSpecification:
    try:
        return selectors.specification_by_code(code)
    except TestSpecification.DoesNotExist:
        raise CheckRefused(f"specification: read {code!r}, expected the code of a check known here") from None


def _checked(measurement: Measurement) -> None:
    value, at = measurement.value, measurement.measured_at
    if not value.is_finite() or abs(value) >= LARGEST:
        raise CheckRefused(f"value: read {value}, expected a number")
    if value != value.quantize(Decimal("0.000001")):
        raise CheckRefused(f"value: read {value}, expected at most 6 decimals")
    if at.tzinfo is None:
        raise CheckRefused(f"measured_at: read {at.isoformat()}, expected a time with its zone")
    if at > timezone.now() + AHEAD:
        raise CheckRefused(f"measured_at: read {at.isoformat()}, expected a time that is not in the future")


def _order(specification: TestSpecification, measurement: Measurement) -> JobOrder | None:
    if measurement.job_order_id is None:
        return order_at(specification.equipment, measurement.measured_at)
    order = job_order_for_id(measurement.job_order_id)
    if not specification.equipment.path.startswith(order.line.path):
        raise CheckRefused(
            f"job_order: read {order.code} of line {order.line.code}, "
            f"expected an order of the line of {specification.equipment.code}"
        )
    if specification.products and order.product.code not in specification.products:
        expected = ", ".join(specification.products)
        raise CheckRefused(
            f"specification: read {specification.code} for {order.product.code}, expected one of {expected}"
        )
    return order


def order_at(equipment: Equipment, at: datetime) -> JobOrder | None:
    """The order that ran at an instant: the machine's own, else its line's."""
    line = plant.line_of(equipment)
    ids = [equipment.pk, *([line.pk] if line else [])]
    return job_order_running(equipment_ids=dict.fromkeys(ids), at=at)


def _nonconformance_open(result: TestResult) -> None:
    specification = result.specification
    limits = f"{_shown(result.lower)} … {_shown(result.upper)}"
    nonconformance_open(
        equipment=result.equipment,
        description=_("%(check)s: %(value)s %(unit)s, expected %(limits)s")
        % {
            "check": specification.name or specification.code,
            "value": _shown(result.value),
            "unit": result.unit,
            "limits": limits,
        },
        by=FAILED_CHECK,
        job_order_id=result.job_order_id,
        lot_code=result.lot_code,
        result_id=result.pk,
        opened_at=result.measured_at,
    )


def _shown(value: Decimal | None) -> str:
    return "–" if value is None else f"{value.normalize():f}"


def _trail(
    result: TestResult, what: str, by: Actor, *, why: str = "", before: TestResult | None = None
) -> None:
    audit.record(
        by=by,
        action=f"test_result.{what}",
        subject_type="test_result",
        subject_code=result.specification.code,
        why=why,
        before={"value": str(before.value), "judgement": before.judgement} if before else None,
        after={
            "value": str(result.value),
            "judgement": result.judgement,
            "measured_at": result.measured_at.isoformat(),
            "job_order": result.job_order.code if result.job_order else None,
        },
    )
    line = plant.line_of(result.equipment)
    if line is not None:
        revision_bump(line_id=line.pk)
