"""Writing configuration of any app as data: a row by its natural key, what changed, an audit entry."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any, Literal

from django.apps import apps
from django.db import transaction
from django.db.models import Field, ForeignKey, Model

from plant import audit
from plant.access import Actor

SECRET_WORDS = ("password", "secret", "token", "private_key")


@dataclass(frozen=True, slots=True)
class Change:
    """What an upsert did. ``before`` and ``after`` hold the changed fields only, as JSON values."""

    kind: Literal["added", "changed", "unchanged"]
    pk: Any
    before: dict[str, Any]
    after: dict[str, Any]


@transaction.atomic
def configuration_upsert(
    *, model_label: str, natural_key: Mapping[str, Any], values: Mapping[str, Any], by: Actor, why: str = ""
) -> Change:
    """Store one row of a configuration model, found by its natural key; fields not named keep what they hold.

    Keys are field names; a foreign key takes a row or its primary key. Raises TypeError for what is never
    rewritten (facts, assertions) and ValidationError for a value its field refuses.
    """
    model: type[Model] = apps.get_model(model_label)
    if getattr(model, "append_only", False):
        raise TypeError(f"{model_label} is append-only: read an upsert, expected a new row")
    key, wanted = _by_attname(model, natural_key), _by_attname(model, values)
    row = _locked(model, key)
    if row is None:
        row = model(**key, **wanted)
        row.clean_fields()
        row.save(force_insert=True)
        change = Change("added", row.pk, {}, shown(model, {**key, **wanted}))
    else:
        change = _change(model, row, wanted)
    if change.kind != "unchanged":
        audit.record(
            by=by,
            action=f"{model._meta.model_name}.{'create' if change.kind == 'added' else 'change'}",
            subject_type=str(model._meta.model_name),
            subject_code=str(row)[:120],
            why=why,
            before=change.before or None,
            after=change.after,
        )
    return change


def _locked(model: type[Model], key: Mapping[str, Any]) -> Model | None:
    lookup = {
        f"{name}__isnull" if value is None else name: value is None or value for name, value in key.items()
    }
    return model._default_manager.select_for_update().filter(**lookup).order_by("pk").first()


def _change(model: type[Model], row: Model, wanted: Mapping[str, Any]) -> Change:
    fields = {name: _field(model, name) for name in wanted}
    old = {name: getattr(row, name) for name in wanted}
    differing = {name: value for name, value in wanted.items() if old[name] != fields[name].to_python(value)}
    if not differing:
        return Change("unchanged", row.pk, {}, {})
    for name, value in differing.items():
        setattr(row, name, value)
    row.clean_fields(exclude=[f.name for f in model._meta.fields if f.attname not in differing])
    row.save(update_fields=[fields[name].name for name in differing])
    return Change(
        "changed", row.pk, shown(model, {name: old[name] for name in differing}), shown(model, differing)
    )


def _field(model: type[Model], name: str) -> Field[Any, Any]:
    field = model._meta.get_field(name.removesuffix("_id") if name.endswith("_id") else name)
    assert isinstance(field, Field)
    return field


def _by_attname(model: type[Model], values: Mapping[str, Any]) -> dict[str, Any]:
    return {
        _field(model, name).attname: value.pk if isinstance(value, Model) else value
        for name, value in values.items()
    }


def shown(model: type[Model], values: Mapping[str, Any]) -> dict[str, Any]:
    """Values as JSON a person can read: business codes instead of row numbers, no secrets."""
    return {
        (field := _field(model, name)).name: _shown_value(field, value)
        for name, value in sorted(values.items())
    }


def _shown_value(field: Field[Any, Any], value: Any) -> Any:
    if isinstance(field, ForeignKey) and value is not None:
        row = field.related_model._default_manager.filter(pk=value).first()
        return str(row) if row is not None else value
    if isinstance(value, timedelta):
        return value.total_seconds()
    if isinstance(value, Decimal):
        return format(value.normalize(), "f")
    if isinstance(value, datetime | date):
        return value.isoformat()
    if any(word in field.name for word in (*SECRET_WORDS, "pin")) and value:
        return "•••"
    return masked(value)


def masked(value: Any) -> Any:
    """The same JSON value with what its keys call secret blotted out."""
    if isinstance(value, dict):
        return {
            key: "•••" if inner and any(word in str(key).lower() for word in SECRET_WORDS) else masked(inner)
            for key, inner in value.items()
        }
    if isinstance(value, list | tuple):
        return [masked(item) for item in value]
    return value if isinstance(value, str | int | float | bool | None) else str(value)
