"""Where an entry is more than its fields: places in the tree, patterns of shifts, minutes, PINs."""

from __future__ import annotations

from datetime import date, time
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from django.db.models import DateTimeField

from mom.plant_file.calendars import pattern_from_file, pattern_to_file
from mom.plant_file.problems import one_of
from mom.plant_file.reading import Entry
from mom.plant_file.values import Ref
from plant.domain.calendar import PatternError, local_instant, zone_of
from plant.domain.time_model import LONGEST_MODE, MODE_MEANINGS, STATE_MEANINGS, STATES, modes_refused

if TYPE_CHECKING:
    from mom.plant_file.rows import Row

STEP = 10
LANGUAGES = ("en", "fr")
LEVELS = ("area", "line", "work_unit")


def read(row: Row, parts: dict[str, Entry], parent: Row | None, number: int) -> None:
    """Complete a row from what its own entry and the one above say."""
    reader = READERS.get(row.section.name)
    if reader is not None:
        reader(row, parts, parent, number)


def _site(row: Row, parts: dict[str, Entry], parent: Row | None, number: int) -> None:
    row.values |= {"level": "site", "path": f"/{row.values['code']}/"}
    if "time_zone" in parts and (zone := parts["time_zone"].text()) is not None:
        try:
            zone_of(zone)
        except PatternError:
            parts["time_zone"].refuse("a time zone such as 'Europe/Paris'")
            row.values.pop("time_zone", None)


def _equipment(row: Row, parts: dict[str, Entry], parent: Row | None, number: int) -> None:
    above = parent.values.get("path", "/") if parent else "/"
    row.values["path"] = f"{above}{row.values['code']}/"
    depth = row.values["path"].count("/") - 3
    row.values.setdefault("level", LEVELS[min(depth, len(LEVELS) - 1)])
    row.values.setdefault("position", (number + 1) * STEP)


def _reason(row: Row, parts: dict[str, Entry], parent: Row | None, number: int) -> None:
    row.values.setdefault("position", (number + 1) * STEP)
    for name in ("equipment_class", "explains"):
        if parent is not None and name in parent.values:
            row.values.setdefault(name, parent.values[name])


def _time_model(row: Row, parts: dict[str, Entry], parent: Row | None, number: int) -> None:
    """Each state and mode is looked at by itself, so that what is wrong has its own line."""
    for name in ("states", "modes"):
        if name not in parts or parts[name].is_null:
            row.values.pop(name, None)
            continue
        for key, entry in parts[name].mapping(f"a mapping of {name}").items():
            if name == "states" and key not in STATES:
                entry.refuse(one_of(key, STATES), f"state {key!r}")
            elif name == "modes" and any(modes_refused({key: MODE_MEANINGS[0]})):
                entry.refuse(f"a mode in small letters, at most {LONGEST_MODE}", f"mode {key!r}")
            elif (told := entry.text()) is not None:
                known = STATE_MEANINGS if name == "states" else MODE_MEANINGS
                if told not in known:
                    entry.refuse(one_of(told, known))


def _changeover(row: Row, parts: dict[str, Entry], parent: Row | None, number: int) -> None:
    given = [key for key in ("minutes", "seconds") if key in parts]
    if len(given) != 1:
        row.entry.refuse("minutes or seconds, one of the two", f"{' and '.join(given) or 'neither'}")
        return
    entry = parts[given[0]]
    text = entry.text() or ""
    seconds = Decimal(text) * (60 if given[0] == "minutes" else 1) if _is_number(text) else Decimal("0.5")
    if seconds != seconds.to_integral_value():
        entry.refuse(f"a number of {given[0]} that is whole in seconds")
        return
    row.values["seconds"] = int(seconds)


def _step(row: Row, parts: dict[str, Entry], parent: Row | None, number: int) -> None:
    row.values.setdefault("position", (number + 1) * STEP)


def _reaction(row: Row, parts: dict[str, Entry], parent: Row | None, number: int) -> None:
    """What whoever comes may decide, in both languages; and somebody must come."""
    _bilingual(row, parts, "authority")
    if not row.values.get("department") and not row.values.get("role"):
        row.entry.refuse("department or role: who reacts", "neither")
    if row.values.get("reason") and row.values.get("time_class"):
        row.entry.refuse("reason or time_class, one of the two", "both")


def _bilingual(row: Row, parts: dict[str, Entry], key: str) -> None:
    """A text in both languages, kept in two fields."""
    if key not in parts:
        return
    for language, entry in parts[key].mapping("{en: …, fr: …}").items():
        if language in LANGUAGES:
            row.values[f"{key}_{language}"] = (entry.text() or "").strip()
        else:
            entry.refuse("en or fr", f"language {language!r}")


def _instruction(row: Row, parts: dict[str, Entry], parent: Row | None, number: int) -> None:
    """Its texts, and the step of a routing it is for, named by both: a step's code alone is no name."""
    _bilingual(row, parts, "text")
    _bilingual(row, parts, "changed")
    given = [key for key in ("work_master", "segment") if key in parts]
    if len(given) == 1:
        row.entry.refuse("work_master and segment, both or neither", given[0])
    if len(given) == 2:
        entry = parts["segment"]
        identity = ((parts["work_master"].text(),), entry.text())
        row.values["segment"] = Ref("production.OperationsSegment", identity, entry.line, entry.where)


def _is_number(text: str) -> bool:
    return text.replace(".", "", 1).isdigit()


def _calendar(row: Row, parts: dict[str, Entry], parent: Row | None, number: int) -> None:
    row.values["pattern"] = pattern_from_file(row.entry, parts)


def _person(row: Row, parts: dict[str, Entry], parent: Row | None, number: int) -> None:
    if "pin" not in parts:
        return
    if parts["pin"].text() != "generate":
        # The PIN itself must not reach a message, which may end in a log.
        parts["pin"].refuse("generate: a file carries no PIN", "something else")
        return
    row.extras["pin"] = "generate"


def _signal(row: Row, parts: dict[str, Entry], parent: Row | None, number: int) -> None:
    if "setpoint_for" in parts:
        entry = parts["setpoint_for"]
        identity = (row.identity[0], entry.text())
        row.values["setpoint_for"] = (
            None if entry.is_null else Ref(row.section.model, identity, entry.line, entry.where)
        )


def _bom(row: Row, parts: dict[str, Entry], parent: Row | None, number: int) -> None:
    if "segment" in parts:
        entry = parts["segment"]
        segment = Ref(
            "production.OperationsSegment", (row.identity[0], entry.text()), entry.line, entry.where
        )
        row.values["segment"] = None if entry.is_null else segment


def _specification(row: Row, parts: dict[str, Entry], parent: Row | None, number: int) -> None:
    """Products and connection are kept as codes, and must be known all the same."""
    if "products" in parts:
        entries = list(parts["products"].items("a list of product codes"))
        row.values["products"] = [entry.text() for entry in entries]
        row.mentions += [_mention("plant.MaterialDefinition", entry) for entry in entries]
    if row.values.get("connection"):
        row.mentions.append(_mention("connectors.Connection", parts["connection"]))


def _mention(model: str, entry: Entry) -> Ref:
    return Ref(model, (entry.text(),), entry.line, entry.where)


READERS = {
    "site": _site,
    "equipment": _equipment,
    "reasons": _reason,
    "time_models": _time_model,
    "changeover_standards": _changeover,
    "steps": _step,
    "reaction_plans": _reaction,
    "work_instructions": _instruction,
    "calendars": _calendar,
    "persons": _person,
    "signals": _signal,
    "bom": _bom,
    "test_specifications": _specification,
}


def _field(row: Row, name: str) -> Any:
    return row.section.model_class._meta.get_field(name)


def complete(rows: list[Row], site: Row | None) -> None:
    """What only the whole file can say: a connection's site, a material's unit, when a local day begins."""
    units = {row.identity: row.values.get("unit") for row in rows if row.section.name == "materials"}
    zone = str(site.values.get("time_zone", "UTC")) if site is not None else "UTC"
    for row in rows:
        for name, value in row.values.items():
            if type(value) is date and isinstance(_field(row, name), DateTimeField):
                row.values[name] = local_instant(value, time(), zone_of(zone))
        if row.section.name == "connections" and site is not None:
            row.values["site"] = site.ref()
        if row.section.name == "bom" and "unit" not in row.values and row.identity[1] in units:
            row.values["unit"] = units[row.identity[1]]


def write(section: str, row: Any) -> dict[str, Any]:
    """The extra keys of a stored row, such that ``read`` gives the same values again."""
    if section == "calendars":
        return pattern_to_file(row.pattern)
    if section == "changeover_standards":
        return {"seconds": row.seconds} if row.seconds % 60 else {"minutes": row.seconds // 60}
    if section == "reaction_plans":
        return _texts(row, "authority")
    if section == "work_instructions":
        step = row.segment
        bound = {"work_master": step.work_master.code, "segment": step.code} if step else {}
        return bound | _texts(row, "text") | _texts(row, "changed")
    if section == "signals" and row.setpoint_for is not None:
        return {"setpoint_for": row.setpoint_for.address}
    if section == "test_specifications" and row.products:
        return {"products": row.products}
    if section == "persons" and row.pin:
        return {"pin": "generate"}
    if section == "bom" and row.segment is not None:
        return {"segment": row.segment.code}
    return {}


def _texts(row: Any, key: str) -> dict[str, Any]:
    texts = {language: getattr(row, f"{key}_{language}") for language in LANGUAGES}
    known = {language: text for language, text in texts.items() if text}
    return {key: known} if known else {}
