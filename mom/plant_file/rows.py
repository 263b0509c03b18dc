"""The file's sections as rows of models, with every problem of form found on the way."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from mom.plant_file import schema, special
from mom.plant_file.problems import Problem, one_of
from mom.plant_file.reading import Entry, tree_read
from mom.plant_file.schema import Section
from mom.plant_file.values import REFUSED, Identity, Ref, value_read


@dataclass
class Row:
    """One entry of the file: values by model field, a Ref where it names another row."""

    section: Section
    entry: Entry
    values: dict[str, Any]
    extras: dict[str, Any] = field(default_factory=dict)
    mentions: list[Ref] = field(default_factory=list)
    """Rows named by their code alone, which must be known but are no foreign key."""

    @property
    def identity(self) -> Identity:
        return tuple(
            value.identity if isinstance(value := self.values[name], Ref) else value
            for name in self.section.identity
        )

    @property
    def label(self) -> str:
        return label_of(self.identity)

    def ref(self) -> Ref:
        return Ref(self.section.model, self.identity, self.entry.line, self.entry.where)


def label_of(identity: Identity) -> str:
    parts = [
        label_of(part) if isinstance(part, tuple) else str(part)
        for part in identity
        if part not in (None, "")
    ]
    return " ".join(parts)


@dataclass(frozen=True)
class Document:
    """A file read: its rows in loading order and everything wrong with it."""

    rows: list[Row]
    problems: list[Problem]
    site: str


def document_read(text: str) -> Document:
    root, problems = tree_read(text)
    if root is None:
        return Document([], problems, "")
    parts = root.mapping("sections such as site and equipment")
    known = ("site", *(section.name for section in schema.SECTIONS), *schema.IGNORED)
    for key, value in parts.items():
        if key not in known:
            value.refuse(one_of(key, known), f"section {key!r}")
    rows = _site(root, parts)
    site = rows[0] if rows else None
    for section in schema.SECTIONS:
        if section.name in parts:
            rows += _list(section, parts[section.name], site if section.place and section.nested else None)
    special.complete(rows, site)
    _refuse_twice(rows)
    return Document(rows, problems, site.identity[0] if site else "")


def _site(root: Entry, parts: dict[str, Entry]) -> list[Row]:
    if "site" not in parts:
        root.refuse("a section site with code and time_zone", "no site")
        return []
    row = _row(schema.SITE, parts["site"], None, 0)
    return [row] if row else []


def _list(section: Section, entries: Entry, parent: Row | None) -> list[Row]:
    found: list[Row] = []
    for number, entry in enumerate(entries.items(f"a list of {section.name}")):
        row = _row(section, entry, parent, number)
        if row is None:
            continue
        found.append(row)
        parts = entry.mapping()
        if section.nested and "children" in parts:
            found += _list(section, parts["children"], row)
        for child in section.children:
            if child.name in parts:
                found += _list(child, parts[child.name], row)
    return found


def _row(section: Section, entry: Entry, parent: Row | None, number: int) -> Row | None:
    """None when the entry cannot even be named; a row with fewer values when some were refused."""
    if not entry.is_mapping:
        entry.refuse(f"a mapping with {', '.join(section.required)}")
        return None
    parts = entry.mapping()
    for key, value in parts.items():
        if key not in section.known:
            value.refuse(one_of(key, section.known), f"key {key!r}")
    missing = [key for key in section.required if key not in parts]
    if missing:
        entry.refuse(", ".join(missing), "no such key")
    row = Row(section, entry, dict(_values(section, parts)))
    if parent is not None and section.parent:
        row.values.setdefault(section.parent, parent.ref())
    for name in section.identity:
        if name not in row.values and not _default_identity(row, name):
            return None
    special.read(row, parts, parent, number)
    return row


def _default_identity(row: Row, name: str) -> bool:
    """What an absent part of the key means: nothing, where the model allows nothing."""
    model_field = row.section.model_class._meta.get_field(name)
    if name in row.section.required or name == row.section.parent:
        return False
    row.values[name] = None if getattr(model_field, "null", False) else ""
    return True


def _values(section: Section, parts: dict[str, Entry]) -> Iterator[tuple[str, Any]]:
    for key, model_field in section.fields.items():
        if key in parts and (value := value_read(parts[key], model_field)) is not REFUSED:
            yield model_field.name, value
    if section.bilingual and "name" in parts:
        yield from _names(section, parts["name"])


def _names(section: Section, entry: Entry) -> Iterator[tuple[str, Any]]:
    for language, value in entry.mapping("{en: …, fr: …}").items():
        if language not in ("en", "fr"):
            value.refuse("en or fr", f"language {language!r}")
            continue
        model_field: Any = section.model_class._meta.get_field(f"name_{language}")
        if (text := value_read(value, model_field)) is not REFUSED:
            yield model_field.name, text


def _refuse_twice(rows: list[Row]) -> None:
    first: dict[tuple[str, Identity], Row] = {}
    for row in rows:
        seen = first.setdefault((row.section.model, row.identity), row)
        if seen is not row:
            row.entry.refuse(f"each once (first on line {seen.entry.line})", f"{row.label!r} again")
