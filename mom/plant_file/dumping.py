"""Writing a site back as a plant file, such that loading it changes nothing."""

from __future__ import annotations

from typing import Any

import yaml
from django.db import models

from mom.plant_file import schema, special
from mom.plant_file.loading import section_rows
from mom.plant_file.schema import Section
from mom.plant_file.values import value_write
from plant import selectors

ALWAYS = ("level", "position", "valid_from", "unit", "kind")


class SiteUnclear(ValueError):
    """There is no site, or several and none was named."""

    is_bad_input = True


class _Dumper(yaml.SafeDumper):
    """No anchors: the reader refuses aliases, so that a small file cannot become a large one."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


BREAKS = frozenset("\x85\u2028\u2029")


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    # Between single quotes these would be folded into spaces.
    style = '"' if BREAKS & set(text) else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


_Dumper.add_representer(str, _text)


def document_write(document: dict[str, Any]) -> str:
    """The document as YAML that reads back the same."""
    return yaml.dump(
        document, Dumper=_Dumper, sort_keys=False, allow_unicode=True, default_flow_style=None, width=110
    )


def plant_dump(*, site: str = "") -> str:
    """The file of one site; of the only one when none is named. Raises SiteUnclear."""
    found = _site(site)
    document: dict[str, Any] = {"site": _entry(schema.SITE, found)}
    for section in schema.SECTIONS:
        entries = (
            _tree(section, found.pk) if section.place and section.nested else _latest(section, found.code)
        )
        if entries:
            document[section.name] = entries
    return document_write(document)


def _site(code: str) -> Any:
    sites = list(selectors.configuration_rows("plant.Equipment", level="site"))
    chosen = [site for site in sites if not code or site.code == code]  # type: ignore[attr-defined]
    if len(chosen) != 1:
        known = ", ".join(str(site) for site in sites) or "none"
        raise SiteUnclear(f"site: read {code!r}, expected one of: {known}")
    return chosen[0]


def _latest(section: Section, site: str) -> list[dict[str, Any]]:
    """Entries of a flat section; of versions with one identity, the last."""
    rows = section_rows(section, site)
    if section.name == "calendars":
        last = {(row.line_id, row.valid_from): row for row in rows.order_by("valid_from", "recorded_at")}
        rows = list(last.values())
    if section.name == "work_instructions":
        rows = list({row.code: row for row in rows.order_by("version")}.values())
    return [_entry(section, row) for row in rows]


def _tree(section: Section, parent_id: Any) -> list[dict[str, Any]]:
    entries = []
    for row in selectors.configuration_rows(section.model, parent_id=parent_id).order_by("position", "pk"):
        entry = _entry(section, row)
        if children := _tree(section, row.pk):
            entry["children"] = children
        entries.append(entry)
    return entries


def _entry(section: Section, row: Any) -> dict[str, Any]:
    entry: dict[str, Any] = {}
    for key, field in section.fields.items():
        value = getattr(row, field.name)
        always = key in ALWAYS and value is not None
        if key in section.required or always or not _is_default(field, value):
            entry[key] = _value(field, value)
        if key == section.known[0] and section.bilingual:
            entry |= _names(row)
    if section.bilingual and "name" not in entry:
        entry |= _names(row)
    entry |= special.write(section.name, row)
    for child in section.children:
        rows = selectors.configuration_rows(child.model, **{child.parent: row.pk})
        if written := [_entry(child, item) for item in rows]:
            entry[child.name] = written
    return entry


def _names(row: Any) -> dict[str, Any]:
    names = {"en": row.name_en, "fr": row.name_fr}
    return {"name": {key: text for key, text in names.items() if text}} if any(names.values()) else {}


def _is_default(field: models.Field[Any, Any], value: Any) -> bool:
    return value is None or value == field.get_default() or (value == "" and not field.has_default())


def _value(field: models.Field[Any, Any], value: Any) -> Any:
    if isinstance(field, models.ForeignKey) and value is not None:
        return next(getattr(value, name) for name in ("code", "slug", "badge") if hasattr(value, name))
    return value_write(value)
