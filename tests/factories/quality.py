"""Checks and results for tests of quality."""

from __future__ import annotations

import itertools
from decimal import Decimal
from typing import Any

from plant.access import Actor
from plant.models import Equipment
from production.models import JobOrder
from quality import services
from quality.models import TestResult, TestSpecification
from tests.factories.traceability import minutes

_numbers = itertools.count(1)


def specification_make(equipment: Equipment, **values: Any) -> TestSpecification:
    """A torque between 1.3 and 2.1 Nm, due every 30 minutes."""
    number = next(_numbers)
    defaults: dict[str, Any] = {
        "code": f"TS{number}",
        "name_en": "Torque",
        "name_fr": "Couple",
        "unit": "Nm",
        "lower": Decimal("1.3"),
        "upper": Decimal("2.1"),
        "target": Decimal("1.7"),
        "every_minutes": 30,
    }
    return TestSpecification.objects.create(equipment=equipment, **{**defaults, **values})


def measure(
    specification: TestSpecification,
    value: str,
    by: Actor,
    *,
    at: float = 10,
    order: JobOrder | None = None,
    key: str = "",
    **values: Any,
) -> TestResult:
    measurement = services.Measurement(
        value=Decimal(value),
        measured_at=minutes(at),
        job_order_id=order.pk if order else None,
        **values,
    )
    return services.result_record(
        specification_code=specification.code, measurement=measurement, by=by, source="tablet", key=key
    )
