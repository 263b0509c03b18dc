"""Reading configuration of any app as data, for files and for checks."""

from __future__ import annotations

from typing import Any

from django.apps import apps
from django.db.models import Model, QuerySet


def configuration_rows(model_label: str, **lookup: Any) -> QuerySet[Model]:
    """Rows of a configuration model in its own order."""
    model: type[Model] = apps.get_model(model_label)
    return model._default_manager.filter(**lookup)


def configuration_codes(model_label: str, field: str = "code") -> dict[str, int]:
    """Primary key of every row by its business code."""
    return dict(configuration_rows(model_label).values_list(field, "pk"))
