"""Names of rows: which exist, in the file or stored, and which must be loaded before which."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from django.db import models

from mom.plant_file import schema
from mom.plant_file.problems import Problem, one_of
from mom.plant_file.rows import Row, label_of
from mom.plant_file.schema import Section
from mom.plant_file.values import Identity, Ref
from plant import selectors

Name = tuple[str, Identity]


def _sections() -> Iterator[Section]:
    yield schema.SITE
    for section in schema.SECTIONS:
        yield section
        yield from section.children


IDENTITIES = {section.model: section.identity for section in _sections()}


def lookup(model: str, identity: Identity, prefix: str = "") -> dict[str, Any]:
    """Filter that finds a stored row by its business key, through the keys of the rows it names."""
    found: dict[str, Any] = {}
    for name, value in zip(IDENTITIES[model], identity, strict=True):
        if value is None:
            found[f"{prefix}{name}__isnull"] = True
        elif isinstance(value, tuple):
            found |= lookup(_related(model, name), value, f"{prefix}{name}__")
        else:
            found[f"{prefix}{name}"] = value
    return found


def identity_paths(model: str, prefix: str = "") -> list[str]:
    """The columns of a business key, flattened through foreign keys."""
    section = next(item for item in _sections() if item.model == model)
    paths: list[str] = []
    for name in IDENTITIES[model]:
        if isinstance(section.model_class._meta.get_field(name), models.ForeignKey):
            paths += identity_paths(_related(model, name), f"{prefix}{name}__")
        else:
            paths.append(f"{prefix}{name}")
    return paths


def flat(model: str, identity: Identity) -> Identity:
    """A business key as the row of ``identity_paths`` reads it."""
    values: list[Any] = []
    section = next(item for item in _sections() if item.model == model)
    for name, value in zip(IDENTITIES[model], identity, strict=True):
        if not isinstance(section.model_class._meta.get_field(name), models.ForeignKey):
            values.append(value)
        elif value is None:
            values += [None] * len(identity_paths(_related(model, name)))
        else:
            values += flat(_related(model, name), value)
    return tuple(values)


def _related(model: str, name: str) -> str:
    section = next(item for item in _sections() if item.model == model)
    target: Any = section.model_class._meta.get_field(name)
    return str(target.related_model._meta.label)


def refs(row: Row) -> Iterator[tuple[str, Ref]]:
    return ((name, value) for name, value in row.values.items() if isinstance(value, Ref))


class Names:
    """What can be named: rows of the file and stored ones. Stored ones are read once per model."""

    def __init__(self, rows: Iterable[Row]) -> None:
        self.rows: dict[Name, Row] = {(row.section.model, row.identity): row for row in rows}
        self._stored: dict[str, dict[Identity, Any]] = {}

    def stored(self, model: str) -> dict[Identity, Any]:
        if model not in self._stored:
            found = selectors.configuration_rows(model).values_list("pk", *identity_paths(model))
            self._stored[model] = {tuple(rest): pk for pk, *rest in found}
        return self._stored[model]

    def pk(self, ref: Ref) -> Any:
        """Primary key of a stored row, None when it is not stored (yet)."""
        return self.stored(ref.model).get(flat(ref.model, ref.identity))

    def keep(self, row: Row, pk: Any) -> None:
        self.stored(row.section.model)[flat(row.section.model, row.identity)] = pk

    def problem(self, field: str, ref: Ref) -> Problem | None:
        """What is wrong with a reference: unknown, or no line where a line is meant."""
        target = self.rows.get((ref.model, ref.identity))
        if target is None and self.pk(ref) is None:
            known = self._known(ref.model)
        elif field == "line" and ref.identity[0] not in (lines := self._lines()):
            known = lines
        else:
            return None
        own = str(ref.identity[-1])
        return Problem(ref.line, ref.where, repr(own), one_of(own, known))

    def _known(self, model: str) -> set[str]:
        own = {str(identity[-1]) for name, identity in self.rows if name == model}
        return own | {str(identity[-1]) for identity in self.stored(model)}

    def _lines(self) -> set[str]:
        stored = selectors.configuration_rows("plant.Equipment", level="line").values_list("code", flat=True)
        own = {
            str(row.values["code"])
            for (model, _), row in self.rows.items()
            if model == "plant.Equipment" and row.values.get("level") == "line"
        }
        return own | set(stored)


def in_loading_order(rows: list[Row], names: Names, problems: list[Problem]) -> list[Row]:
    """Rows after the rows they name; a row that leads back to itself is a problem."""
    done: dict[int, bool] = {}
    ordered: list[Row] = []

    def visit(row: Row) -> None:
        state = done.get(id(row))
        if state is None:
            done[id(row)] = False
            for _, ref in refs(row):
                target = names.rows.get((ref.model, ref.identity))
                if target is not None and done.get(id(target)) is False:
                    problems.append(
                        Problem(
                            ref.line,
                            ref.where,
                            repr(label_of(ref.identity)),
                            "one that does not lead back here",
                        )
                    )
                elif target is not None:
                    visit(target)
            done[id(row)] = True
            ordered.append(row)

    for row in rows:
        visit(row)
    return ordered
