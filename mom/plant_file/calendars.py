"""A calendar's shifts and pauses in the file: the pattern a version keeps, with names per language."""

from __future__ import annotations

from typing import Any

from mom.plant_file.problems import Problem, one_of
from mom.plant_file.reading import Entry
from plant.domain.calendar import PatternError, pattern_read

SHIFT_KEYS = ("code", "name", "start", "end", "days", "production_day", "pauses")
PAUSE_KEYS = ("code", "name", "kind", "start", "end", "days")
ZONE = "UTC"


def pattern_from_file(entry: Entry, parts: dict[str, Entry]) -> dict[str, Any]:
    """The pattern a calendar version keeps; problems are appended for what is wrong."""
    shifts: list[dict[str, Any]] = []
    if "shifts" not in parts:
        entry.refuse("a list of shifts", "none")
    for item in parts["shifts"].items("a list of shifts") if "shifts" in parts else ():
        shift = _plain(item, SHIFT_KEYS)
        if shift.get("code") in [known["code"] for known in shifts]:
            item.refuse("each shift code once", f"{shift['code']!r} again")
        if shift and _is_pattern(item, {"shifts": [shift]}):
            shifts.append(shift)
            _pauses(item, shift)
    closed = [day.text() for day in parts["closed_days"].items()] if "closed_days" in parts else []
    if closed:
        _is_pattern(parts["closed_days"], {"closed_days": closed})
    return {"shifts": shifts, "closed_days": closed}


def _pauses(item: Entry, shift: dict[str, Any]) -> None:
    parts = item.mapping()
    for inner in parts["pauses"].items("a list of pauses") if "pauses" in parts else ():
        pause = _plain(inner, PAUSE_KEYS)
        if pause and _is_pattern(inner, {"shifts": [{**shift, "pauses": [pause]}]}):
            shift.setdefault("pauses", []).append(pause)


def _plain(item: Entry, known: tuple[str, ...]) -> dict[str, Any]:
    """The item's own values as plain data, its pauses left out; {} when it is no mapping."""
    plain: dict[str, Any] = {}
    for key, value in item.mapping(f"a mapping with {', '.join(known[:1])}, start and end").items():
        if key not in known:
            value.refuse(one_of(key, known), f"key {key!r}")
        elif key == "days":
            plain["days"] = [day.text() for day in value.items("a list of days such as [mon, tue]")]
        elif key == "name":
            names = value.mapping("{en: …, fr: …}")
            plain |= {f"name_{tag}": text.text() for tag, text in names.items() if tag in ("en", "fr")}
        elif key != "pauses":
            plain[key] = value.text()
    return plain


def _is_pattern(item: Entry, data: dict[str, Any]) -> bool:
    """Whether the calendar takes it; its objection becomes a problem on the line of the value it names."""
    try:
        pattern_read(data, ZONE)
    except PatternError as error:
        where, _, said = str(error).partition(": ")
        read, _, expected = said.removeprefix("read ").partition(", expected ")
        part = where.rpartition(".")[2]
        place = item.mapping().get(part, item) if item.is_mapping else item
        path = place.where if place is not item else f"{item.where}.{part}"
        item.problems.append(Problem(place.line, path, "nothing" if read == "None" else read, expected))
        return False
    return True


def pattern_to_file(pattern: dict[str, Any]) -> dict[str, Any]:
    """The file's form of a version's pattern; reading it gives the same pattern."""
    written: dict[str, Any] = {"shifts": [_named(shift) for shift in pattern.get("shifts", ())]}
    if pattern.get("closed_days"):
        written["closed_days"] = pattern["closed_days"]
    return written


def _named(item: dict[str, Any]) -> dict[str, Any]:
    names = {tag: item[f"name_{tag}"] for tag in ("en", "fr") if f"name_{tag}" in item}
    written = {key: value for key, value in item.items() if key not in ("name_en", "name_fr", "pauses")}
    if names:
        written["name"] = names
    if item.get("pauses"):
        written["pauses"] = [_named(pause) for pause in item["pauses"]]
    return written
