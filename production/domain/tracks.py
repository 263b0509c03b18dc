"""What single signals say over time: changes of a value, spans of an order or tool, alarms raised and
cleared.

Every track is memoryless but for its last value, so a fold can be resumed anywhere from the last sample of
each
signal and the rows still open.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime
from typing import NamedTuple

from production.domain.states import raw_key

# When what changes: state, mode, fault; silent or not; gaps more or fewer; standing though it says execute.
Change = tuple[datetime, str, object]
STATE, MODE, FAULT, SILENT, GAP, INACTIVE = "state", "mode", "fault", "silent", "gap", "inactive"


def text_of(value: object) -> str:
    """A code as text; nothing for what means "none": empty, zero, false."""
    if value is None or value is False:
        return ""
    key = raw_key(value)
    return "" if key in ("0", "false", "none", "null") else key


class ChangeTrack:
    """Reports when what a signal means changes. ``read`` turns (value, bad quality) into its meaning."""

    __slots__ = ("_known", "_read", "changes", "current", "name")

    def __init__(self, name: str, read: Callable[[object, bool], object], changes: list[Change]) -> None:
        self.name, self._read, self.changes = name, read, changes
        self.current: object = None
        self._known: dict[tuple[object, type, bool], object] = {}

    def seed(self, value: object, bad: bool) -> object:
        self.current = self._read(value, bad)
        return self.current

    def add(self, at: datetime, value: object, bad: bool) -> None:
        # 1, 1.0 and True are equal keys of a dict but may be different values of a map.
        key = (value, type(value), bad)
        meaning = self._known.get(key)
        if meaning is None:
            meaning = self._known[key] = self._read(value, bad)
        if meaning != self.current:
            self.current = meaning
            self.changes.append((at, self.name, meaning))


class SpanRow(NamedTuple):
    """One order, tool or lot on one machine; ``end`` None: still on."""

    signal: int
    start: datetime
    end: datetime | None
    value: str


class SpanTrack:
    """The time each value of an order, tool or lot signal was in force. Bad quality ends nothing: the order
    goes on.
    """

    __slots__ = ("current", "rows", "signal")

    def __init__(self, signal: int) -> None:
        self.signal = signal
        self.current: SpanRow | None = None
        self.rows: list[SpanRow] = []

    def resume(self, rows: Iterable[SpanRow]) -> None:
        self.current = next((row for row in rows if row.signal == self.signal), None)

    def add(self, at: datetime, value: object, bad: bool) -> None:
        if bad:
            return
        text = text_of(value)
        current = self.current
        if text == (current.value if current else ""):
            return
        if current is not None and current.start < at:
            self.rows.append(current._replace(end=at))
        self.current = None
        last = self.rows[-1] if self.rows else None
        if text and last is not None and last.end == at and last.value == text:
            # Another value came and went at one instant: nothing changed.
            self.current = self.rows.pop()._replace(end=None)
        elif text:
            self.current = SpanRow(self.signal, at, None, text)

    def open_rows(self) -> list[SpanRow]:
        return [self.current] if self.current else []


class AlarmRow(NamedTuple):
    """An alarm from raised to cleared; ``end`` None: still active. ``text``: of the value that raised it."""

    signal: int
    start: datetime
    end: datetime | None
    code: str
    acknowledged: datetime | None
    text: str = ""


CLEARED = frozenset({"", "cleared", "inactive", "normal", "off", "ok"})
RAISED = frozenset({"raised", "active", "on", "true", "1", "alarm"})
ACKNOWLEDGED = frozenset({"acknowledged", "acked", "2"})


def alarm_of(value: object, address: str) -> tuple[str, bool]:
    """(code, acknowledged) of an alarm value; no code when it is not active.

    Understood: true/false; 0 cleared, 1 raised, 2 acknowledged; those words; a code by itself, perhaps
    followed by ``:raised``, ``:acknowledged`` or ``:cleared``, and those by more of the source's own words.
    A two-state signal's code is its address.
    """
    code, _, word = text_of(value).partition(":")
    if not word and (code.lower() in CLEARED | RAISED | ACKNOWLEDGED):
        code, word = address, code
    word = word.partition(":")[0].strip().lower()
    if not code or (word in CLEARED and word) or (code == address and word in CLEARED):
        return "", False
    return code, word in ACKNOWLEDGED


def alarm_text(value: object) -> str:
    """The machine's own words of an alarm value; empty when it has none.

    What stands behind the code, and behind its word and its severity, a number or nothing, where it has them:
    ``17:raised:500:Jam at the infeed``, ``17:raised:Jam at the infeed``, ``17:Jam at the infeed``.
    """
    _code, _, said = text_of(value).partition(":")
    word, _, rest = said.partition(":")
    if word.strip().lower() in CLEARED | RAISED | ACKNOWLEDGED:
        said = rest
    severity, _, rest = said.partition(":")
    if not severity.strip() or severity.strip().isdigit():
        said = rest
    return said.strip()


def fault_of(value: object, address: str) -> tuple[str, bool]:
    """(code, acknowledged) of a fault-code signal, which is active while it is not empty or zero."""
    return text_of(value), False


class AlarmTrack:
    """Alarms of one signal, one at a time."""

    __slots__ = ("_address", "_read", "current", "rows", "signal")

    def __init__(
        self, signal: int, address: str, read: Callable[[object, str], tuple[str, bool]] = alarm_of
    ) -> None:
        self.signal, self._address, self._read = signal, address, read
        self.current: AlarmRow | None = None
        self.rows: list[AlarmRow] = []

    def resume(self, rows: Iterable[AlarmRow]) -> None:
        self.current = next((row for row in rows if row.signal == self.signal), None)

    def add(self, at: datetime, value: object, bad: bool) -> None:
        if bad:
            return
        code, acknowledged = self._read(value, self._address)
        current = self.current
        if current is not None and current.code == code:
            if acknowledged and current.acknowledged is None:
                self.current = current._replace(acknowledged=at)
            return
        if current is not None and current.start < at:
            self.rows.append(current._replace(end=at))
        text = alarm_text(value) if code and self._read is alarm_of else ""
        noticed = at if acknowledged else None
        self.current = AlarmRow(self.signal, at, None, code, noticed, text) if code else None

    def open_rows(self) -> list[AlarmRow]:
        return [self.current] if self.current else []
