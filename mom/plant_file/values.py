"""One value of the file to one field of a model and back, by the kind of the field."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal, InvalidOperation
from typing import Any

from django.core.exceptions import ValidationError
from django.db import models

from mom.plant_file.problems import one_of
from mom.plant_file.reading import Entry

TRUTH = {"true": True, "yes": True, "on": True, "false": False, "no": False, "off": False}
UNIT_SECONDS = {
    "ms": Decimal("0.001"),
    "s": Decimal(1),
    "min": Decimal(60),
    "h": Decimal(3600),
    "d": Decimal(86400),
}
DATE = re.compile(r"\d{4}-\d\d-\d\d")
DURATION = re.compile(r"(\d+(?:\.\d+)?) ?(ms|s|min|h|d)?")


class _Refused:
    """The value was refused and a problem appended."""


REFUSED = _Refused()
Identity = tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Ref:
    """A row named by its business key, in the file or stored."""

    model: str
    identity: Identity
    line: int
    where: str


def value_read(entry: Entry, field: models.Field[Any, Any]) -> Any:
    """The Python value of a scalar for a field, a Ref for a foreign key, REFUSED with a problem otherwise."""
    if isinstance(field, models.JSONField):
        return entry.plain()
    text = entry.text()
    if text is None:
        return REFUSED
    if entry.is_null or (text == "" and not isinstance(field, models.CharField | models.TextField)):
        return _nothing(entry, field)
    if isinstance(field, models.ForeignKey):
        return Ref(field.related_model._meta.label, (text,), entry.line, entry.where)
    if field.choices and not isinstance(field, models.BooleanField):
        return _choice(entry, text, field)
    try:
        value = _parsed(text, field)
    except (ValueError, InvalidOperation, OverflowError):
        entry.refuse(_expected(field))
        return REFUSED
    return _clean(entry, value, field)


def _nothing(entry: Entry, field: models.Field[Any, Any]) -> Any:
    if field.null:
        return None
    if field.blank and isinstance(field, models.CharField | models.TextField):
        return ""
    entry.refuse(_expected(field))
    return REFUSED


def _choice(entry: Entry, text: str, field: models.Field[Any, Any]) -> Any:
    known = [str(value) for value, _ in field.flatchoices]
    if text in known:
        return text
    entry.refuse(one_of(text, known))
    return REFUSED


def _parsed(text: str, field: models.Field[Any, Any]) -> Any:
    if isinstance(field, models.BooleanField):
        if text.lower() not in TRUTH:
            raise ValueError
        return TRUTH[text.lower()]
    if isinstance(field, models.IntegerField):
        return int(text)
    if isinstance(field, models.DecimalField):
        number = Decimal(text)
        if not number.is_finite():
            raise ValueError
        return number
    if isinstance(field, models.FloatField):
        return float(text)
    if isinstance(field, models.DurationField):
        return duration_read(text)
    if isinstance(field, models.DateTimeField):
        return date.fromisoformat(text) if DATE.fullmatch(text) else instant_read(text)
    if isinstance(field, models.DateField):
        return date.fromisoformat(text)
    return text


def _clean(entry: Entry, value: Any, field: models.Field[Any, Any]) -> Any:
    if isinstance(field, models.DateTimeField) and not isinstance(value, datetime):
        return value  # a local day: made an instant once the site's zone is known
    try:
        return field.clean(value, None)
    except ValidationError as error:
        entry.refuse(" ".join(error.messages))
        return REFUSED


def _expected(field: models.Field[Any, Any]) -> str:
    words = {
        models.BooleanField: "true or false",
        models.IntegerField: "a whole number",
        models.DecimalField: "a number",
        models.FloatField: "a number",
        models.DurationField: "a duration in seconds or such as '2 min'",
        models.DateTimeField: "a date or an instant with its zone, such as 2026-01-31T06:00:00Z",
        models.DateField: "a date such as 2026-01-31",
        models.ForeignKey: "a code",
    }
    return next((text for kind, text in words.items() if isinstance(field, kind)), "a text")


def duration_read(text: str) -> timedelta:
    """Seconds, or a number with ms, s, min, h or d. ValueError otherwise."""
    found = DURATION.fullmatch(text.strip())
    if found is None:
        raise ValueError(text)
    return timedelta(microseconds=int(Decimal(found[1]) * UNIT_SECONDS[found[2] or "s"] * 1_000_000))


def duration_write(value: timedelta) -> int | str:
    """Whole seconds as a number, else milliseconds to the microsecond."""
    microseconds = value // timedelta(microseconds=1)
    if microseconds % 1_000_000 == 0:
        return microseconds // 1_000_000
    return f"{format(Decimal(microseconds) / 1000, 'f')} ms"


def instant_read(text: str) -> datetime:
    """An instant that names its zone, in UTC. ValueError otherwise."""
    value = datetime.fromisoformat(text)
    if value.tzinfo is None:
        raise ValueError(text)
    return value.astimezone(UTC)


def value_write(value: Any) -> Any:
    """A stored value as plain YAML data, such that ``value_read`` gives the same value again."""
    if isinstance(value, timedelta):
        return duration_write(value)
    if isinstance(value, Decimal):
        whole = value == value.to_integral_value()
        return int(value) if whole else format(value.normalize(), "f")
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
    if isinstance(value, date):
        return value.isoformat()
    return value
