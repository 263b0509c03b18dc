"""Which time model holds for a machine: what its family and the wider ones say, read once for all."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, NamedTuple

from django.db.models import QuerySet

from plant import selectors as plant
from plant.models.base import bilingual
from production.domain.definition import Definition, Definitions, Told, definitions_of

if TYPE_CHECKING:
    from plant.models import Equipment

FIELDS = ("pk", "parent_id", "code", "name_en", "name_fr")
SAID = ("valid_from", "states", "modes", "name_en", "name_fr")


class Family(NamedTuple):
    """A family of machines, the wider one it is part of, and what it says."""

    code: str
    parent: int | None
    told: list[Told]


Families = dict[int, Family]


def family_rows() -> QuerySet[Any, Any]:
    """A row per family and thing it says; one without, where it says nothing."""
    rows: Any = plant.configuration_rows("plant.EquipmentClass").order_by()
    return rows.values_list(*FIELDS, *(f"time_models__{name}" for name in SAID))


def families_of(rows: Iterable[Sequence[Any]]) -> Families:
    """Families by id, from the rows of ``family_rows``."""
    found: Families = {}
    for pk, parent, code, name_en, name_fr, since, states, modes, own_en, own_fr in rows:
        family = found.setdefault(pk, Family(code, parent, []))
        if since is not None:
            named = (own_en, own_fr) if own_en or own_fr else (name_en or code, name_fr)
            family.told.append(Told(code, since, states, modes, *named))
    return found


def families() -> Families:
    """Every family of the plant with what it says, in one read."""
    return families_of(family_rows())


def definitions_for(class_id: int | None, known: Families) -> Definitions:
    """The definitions of machines of a family, the wider ones included; the standard's own without one."""
    return definitions_of([known[pk].told for pk in family_line(class_id, known)])


def family_line(class_id: int | None, known: Families) -> list[int]:
    """A family and the wider ones it is part of, nearest first; a circle is walked once."""
    line: list[int] = []
    while class_id is not None and class_id in known and class_id not in line:
        line.append(class_id)
        class_id = known[class_id].parent
    return line


class InForce(NamedTuple):
    """A definition as the pages and the API name it; ``since`` None: it always was."""

    name: str
    family: str
    since: datetime | None
    definition: Definition


def time_models_in_force(
    *, equipment: Equipment, start: datetime, end: datetime, revision: str = ""
) -> list[InForce]:
    """The definitions that what began in [start, end) on a machine is told by, in order. One read; none where
    a ``revision`` read before is given and nothing was configured since.
    """
    known = plant.configuration_kept("time models", revision=revision, make=families)
    found = definitions_for(equipment.equipment_class_id, known)
    return [named(version) for version in found.between(start, end)]


def named(found: Definition) -> InForce:
    since = None if found.is_standard else found.since
    return InForce(bilingual(found.name_en, found.name_fr), found.family, since, found)
