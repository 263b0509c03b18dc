"""From an MQTT topic and a JSON payload to samples, as an engineer configured it.

A rule matches a topic template (``plant/{equipment}/{signal}``; ``{…}`` takes one level, ``{…*}`` at the end
all that follow, ``+`` and ``#`` as in MQTT) and says where value, time, number and quality stand in the
payload, by paths as in ``paths``; "" is the whole payload. ``address`` builds the signal's address from what
the template took, plus ``{key}`` for objects, ``{signal}`` for entries of an array that name their signal,
and ``{k1}``, ``{k2}``… for what each ``*`` of ``items`` stood for.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property
from itertools import islice
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from connectors.domain import paths
from connectors.domain.columns import UNDATED, Columns, key_of, micros
from connectors.domain.paths import MappingProblem
from connectors.domain.phrase import late
from plant.domain.samples import Quality, Value

__all__ = ["Mapper", "MappingProblem", "Rule"]

_PLACEHOLDER = re.compile(r"\{(\w+)\*?\}")
_ABSENT = object()
EARLIEST, LATEST = 0, 253_402_300_799_000_000  # 1970 to 9999, µs
# As long as a signal's address can be; as many as one request of the API may hold
LONGEST_ADDRESS, MOST_VALUES = 400, 20_000
TIME_UNITS = {"s": 10**9, "ms": 10**6, "us": 10**3, "ns": 1}  # ns
# A shorter text of digits is a date of ISO 8601
LEAST_DIGITS = 9


@dataclass(frozen=True, kw_only=True)
class Rule:
    """``items`` leads to an array of entries; ``values`` to an object of key → value; else ``value`` to one.
    ``deep``: that object's objects and arrays are read too, under keys such as ``motor/temp/0``.

    ``time_unit`` is for numbers (s, ms, us, ns), texts of digits included; other texts are ISO 8601 and need
    an offset, unless ``zone`` says whose clock it is (of an hour told twice, the first). No time = arrival.
    """

    topic: str
    address: str = ""
    items: str = ""
    values: str = ""
    value: str = ""
    signal: str = ""
    time: str = ""
    time_unit: str = "ms"
    zone: str = ""
    number: str = ""
    boot: str = ""
    quality: str = ""
    qualities: Mapping[str, str] = field(default_factory=dict)
    each: bool = False
    deep: bool = False

    def __post_init__(self) -> None:
        if self.time_unit not in TIME_UNITS:
            text = late("time_unit: read %(read)r, expected s, ms, us or ns")
            raise MappingProblem(text, read=self.time_unit)
        if self.zone:
            _zone(self.zone)
        for raw, name in self.qualities.items():
            if name not in {"good", "uncertain", "bad"}:
                text = late("qualities[%(raw)r]: read %(read)r, expected good, uncertain or bad")
                raise MappingProblem(text, raw=raw, read=name)
        allowed = set(_PLACEHOLDER.findall(self.topic)) | {"key", "signal"} | set(self._stars)
        unknown = set(_PLACEHOLDER.findall(self.address)) - allowed
        if unknown:
            text = late("address: {%(name)s} is not taken by topic %(topic)r")
            raise MappingProblem(text, name=sorted(unknown)[0], topic=self.topic)
        _pattern(self.topic)

    @classmethod
    def from_mapping(cls, raw: Mapping[str, Any]) -> Rule:
        try:
            return cls(**raw)
        except TypeError as error:
            why = str(error).partition(") ")[2] or str(error)
            raise MappingProblem(late("mapping: %(why)s"), why=why) from None

    @cached_property
    def _stars(self) -> list[str]:
        stars = paths.steps(self.items).count(paths.EVERY)
        return [f"k{number}" for number in range(1, stars + 1)]

    @property
    def subscription(self) -> str:
        return _PLACEHOLDER.sub(lambda found: "#" if found[0].endswith("*}") else "+", self.topic)

    @property
    def ordered_by_itself(self) -> bool:
        """Whether a message says when, or as which, it was sent: then it may arrive in any order."""
        return bool(self.time or self.number)

    @cached_property
    def address_template(self) -> str:
        if self.address:
            return self.address
        taken = [f"{{{name}}}" for name in (*_PLACEHOLDER.findall(self.topic), *self._stars)]
        if self.values or self.each:
            taken.append("{key}")
        elif self.items:
            taken.append("{signal}")
        return "/".join(taken) or self.topic


def _pattern(topic: str) -> re.Pattern[str]:
    parts = topic.split("/")
    names = _PLACEHOLDER.findall(topic)
    if not topic or len(set(names)) != len(names):
        raise MappingProblem(late("topic: %(topic)r is empty or takes one name twice"), topic=topic)
    regex: list[str] = []
    for index, part in enumerate(parts):
        whole = _PLACEHOLDER.fullmatch(part)
        if part == "#" and index == len(parts) - 1:
            return re.compile("/".join(regex) + ("/.*" if regex else ".*"), re.DOTALL)
        if whole and not part.endswith("*}"):
            regex.append(f"(?P<{whole[1]}>[^/]*)")
        elif whole and index == len(parts) - 1:
            regex.append(f"(?P<{whole[1]}>.+)")
        elif part == "+":
            regex.append("[^/]*")
        elif set("{}+#") & set(part):
            text = late("topic: level %(level)r of %(topic)r; a {name}, + or # takes a whole level")
            raise MappingProblem(text, level=part, topic=topic)
        else:
            regex.append(re.escape(part))
    return re.compile("/".join(regex), re.DOTALL)


class Mapper:
    """The rules of one connection; the first whose topic fits reads the message."""

    def __init__(self, rules: tuple[Rule, ...], *, loads: Callable[[bytes], Any] = json.loads) -> None:
        if not rules:
            raise MappingProblem(late("mappings: expected at least one rule"))
        self._rules = [(_pattern(rule.topic), rule) for rule in rules]
        self._loads = loads

    @property
    def subscriptions(self) -> list[str]:
        return sorted({rule.subscription for _, rule in self._rules})

    def read(self, topic: str, payload: bytes, *, arrival: int, message_key: int, into: Columns) -> int:
        """Adds the samples and returns how many; all or none.

        ``message_key`` tells untimed messages apart.
        """
        for pattern, rule in self._rules:
            found = pattern.fullmatch(topic)
            if found is not None:
                body = self._parse(payload)
                read = self._entries(rule, topic, found.groupdict(), body, arrival, message_key)
                entries = list(islice(read, MOST_VALUES + 1))
                if len(entries) > MOST_VALUES:
                    raise MappingProblem(late("more than %(most)d values in one message"), most=MOST_VALUES)
                for address, value, when, quality in entries:
                    into.add(
                        address,
                        value,
                        source_time=when.at,
                        arrival_time=arrival,
                        quality=quality,
                        historical=when.flags,
                        key=when.key,
                    )
                return len(entries)
        raise MappingProblem(late("no mapping fits this topic"))

    def _parse(self, payload: bytes) -> Any:
        try:
            return self._loads(payload)
        except (ValueError, RecursionError) as error:
            raise MappingProblem(late("not JSON: %(why)s"), why=str(error)) from None

    def _entries(
        self, rule: Rule, topic: str, taken: dict[str, str], body: Any, arrival: int, message_key: int
    ) -> Iterator[tuple[str, Value, _When, int]]:
        for stars, item in _items(rule, body):
            when = _when(rule, topic, item, body, arrival, message_key)
            quality = _quality(rule, item)
            for names, raw in _named(rule, item):
                address = rule.address_template.format_map({**taken, **stars, **names})
                if len(address) > LONGEST_ADDRESS:
                    said = late("%(where)s: an address of %(read)d characters, expected at most %(most)d")
                    raise MappingProblem(said, where=address, read=len(address), most=LONGEST_ADDRESS)
                yield address, _scalar(raw, address), when, quality


def _items(rule: Rule, body: Any) -> Iterator[tuple[dict[str, str], Any]]:
    """The entries of a message, each with what the path's ``*`` stood for."""
    if not (rule.items or rule.each):
        yield {}, body
        return
    starred = paths.EVERY in paths.steps(rule.items)
    matches = paths.each(body, rule.items) if starred else [((), paths.at(body, rule.items))]
    for names, found in matches:
        stars = {f"k{number}": name for number, name in enumerate(names, 1)}
        if rule.each:
            if not isinstance(found, Mapping):
                said = late("%(path)s: expected an object of signals")
                raise MappingProblem(said, path=rule.items or "payload")
            found = [{**_object(entry), "__key__": key} for key, entry in found.items()]
        if not isinstance(found, list):
            if not starred:
                raise MappingProblem(late("%(path)s: expected an array"), path=rule.items)
            found = [found]
        for item in found:
            yield stars, item


class _When(NamedTuple):
    at: int
    key: int | None
    flags: int = 0


def _when(rule: Rule, topic: str, item: Any, body: Any, arrival: int, message_key: int) -> _When:
    """A device's own number makes the key; else the value does; with neither number nor time, the message."""
    stamp = _either(item, body, rule.time) if rule.time else _ABSENT
    at = arrival if stamp is _ABSENT else _time(stamp, rule)
    if rule.number:
        boot = _either(item, body, rule.boot) if rule.boot else ""
        key = key_of("number", topic, boot, _either(item, body, rule.number))
        return _When(at, key, UNDATED if stamp is _ABSENT else 0)
    return _When(at, message_key if stamp is _ABSENT else None)


def _named(rule: Rule, item: Any) -> Iterator[tuple[dict[str, str], Any]]:
    if rule.values:
        found = paths.at(item, rule.values) if rule.values != "." else item
        if not isinstance(found, Mapping):
            raise MappingProblem(late("%(path)s: expected an object of values"), path=rule.values)
        for key, raw in paths.flat(found) if rule.deep else found.items():
            yield {"key": str(key)}, raw
        return
    names = {"key": str(item["__key__"])} if isinstance(item, Mapping) and "__key__" in item else {}
    if rule.signal:
        names["signal"] = str(paths.at(item, rule.signal))
    yield names, paths.at(item, rule.value)


def _object(entry: Any) -> dict[str, Any]:
    return dict(entry) if isinstance(entry, Mapping) else {"value": entry}


def _either(item: Any, body: Any, path: str) -> Any:
    """In the entry, else beside it in the message: arrays often share one time."""
    try:
        return paths.at(item, path)
    except MappingProblem as missing:
        try:
            return paths.at(body, path)
        except MappingProblem:
            raise missing from None


def _scalar(raw: Any, address: str) -> Value:
    if isinstance(raw, float) and not math.isfinite(raw):
        raise MappingProblem(late("%(where)s: %(read)s is not a value"), where=address, read=raw)
    if isinstance(raw, int) and not isinstance(raw, bool) and not -(2**63) <= raw < 2**64:
        raise MappingProblem(late("%(where)s: an integer of more than 64 bits"), where=address)
    if raw is None or isinstance(raw, bool | int | float | str):
        return raw
    raise MappingProblem(late("%(where)s: a %(kind)s is not a value"), where=address, kind=type(raw).__name__)


def _time(stamp: Any, rule: Rule) -> int:
    if isinstance(stamp, bool) or not isinstance(stamp, int | float | str):
        raise MappingProblem(late("%(where)s: %(read)r is not a time"), where=rule.time, read=stamp)
    number = stamp if isinstance(stamp, int | float) else _digits(stamp)
    if number is None:
        at = _iso(str(stamp), rule)
    elif isinstance(number, float) and not math.isfinite(number):
        raise MappingProblem(late("%(where)s: %(read)r is not a time"), where=rule.time, read=stamp)
    else:
        unit = TIME_UNITS[rule.time_unit]
        if abs(number) > LATEST * 1000 / unit:  # times its unit it would be infinite
            at = -1
        else:
            at = number * unit // 1000 if isinstance(number, int) else round(number * (unit / 1000))
    if not EARLIEST <= at <= LATEST:
        raise MappingProblem(late("%(where)s: %(read)r is outside 1970 to 9999"), where=rule.time, read=stamp)
    return at


def _digits(text: str) -> int | None:
    """A number written as a text; ``isdecimal`` alone would take any script's digits."""
    return int(text) if LEAST_DIGITS <= len(text) <= 20 and text.isascii() and text.isdecimal() else None


def _zone(name: Any) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError, TypeError, AttributeError):
        raise MappingProblem(late("zone: %(name)r is not a time zone"), name=name) from None


def _iso(text: str, rule: Rule) -> int:
    path = rule.time
    try:
        parsed = datetime.fromisoformat(text)
    except ValueError:
        said = late("%(where)s: read %(read)r, expected ISO 8601")
        raise MappingProblem(said, where=path, read=text[:60]) from None
    if parsed.tzinfo is None and rule.zone:
        parsed = parsed.replace(tzinfo=_zone(rule.zone))
    if parsed.tzinfo is None:
        said = late("%(where)s: %(read)r has no offset (write Z or +02:00)")
        raise MappingProblem(said, where=path, read=text)
    return micros(parsed.astimezone(UTC)) if parsed.year not in (1, 9999) else -1


def _quality(rule: Rule, item: Any) -> int:
    if not rule.quality:
        return Quality.GOOD
    try:
        raw = str(paths.at(item, rule.quality))
    except MappingProblem:
        return Quality.GOOD
    name = rule.qualities.get(raw, raw).lower()
    return {"good": Quality.GOOD, "uncertain": Quality.UNCERTAIN}.get(name, Quality.BAD)
