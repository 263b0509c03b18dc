"""Many DATA messages that wait together, taken in at once: the same samples in the same order as one by one.

Whatever is not plain, or not simply the next message of a session that is in order, goes the usual way, and
so that order is kept only after all before it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final

import numpy as np

from connectors.domain.columns import NO_STATUS, Columns
from connectors.domain.sparkplug_messages import DDATA, NDATA, Outcome, topic_parts
from connectors.domain.sparkplug_node import Table
from connectors.domain.sparkplug_session import Host
from connectors.domain.sparkplug_types import COMPOSED
from connectors.domain.sparkplug_values import NOTHING, base_of
from connectors.protocols.sparkplug.codec import END_OF_TIME, millis
from connectors.protocols.sparkplug.lockstep import Fields, Frame, Scan, fields_of
from connectors.transports.mqtt_client import Received

# With fewer metrics, or bytes, the arrays cost more than they save
ENOUGH: Final = 200
LEAST_BYTES: Final = 12 * ENOUGH
# Together: what is read side by side stays in the processor's caches
MOST_BYTES: Final = 2**18
# Of a topic that is never plain, four thousand messages at most are left untried at a time
MOST_IN_A_ROW: Final = 12
One = Callable[[Received], None]
Topic = tuple[str, str, str]


class Patience:
    """Topics whose messages are not plain are tried the more rarely, the more in a row were not."""

    def __init__(self) -> None:
        self._odd: dict[str, tuple[int, int]] = {}

    def tries(self, topic: str) -> bool:
        in_a_row, left = self._odd.get(topic, (0, 0))
        if left:
            self._odd[topic] = in_a_row, left - 1
        return not left

    def learns(self, topic: str, plain: bool) -> None:
        if not plain:
            in_a_row = min(self._odd.get(topic, (0, 0))[0] + 1, MOST_IN_A_ROW)
            self._odd[topic] = in_a_row, 2**in_a_row - 2
        elif topic in self._odd:
            del self._odd[topic]


def feed_all(
    messages: Sequence[Received], host: Host, out: Outcome, link: int, one: One, patience: Patience
) -> None:
    """``one`` takes in a message that does not fit."""
    for part in _parts(messages):
        if sum(len(message.payload) for message in part) >= LEAST_BYTES:
            _feed_part(part, host, out, link, one, patience)
        else:
            _feed_each(part, one)


def _parts(messages: Sequence[Received]) -> Iterator[Sequence[Received]]:
    first = size = 0
    for place, message in enumerate(messages):
        size += len(message.payload)
        if size > MOST_BYTES:
            yield messages[first : place + 1]
            first, size = place + 1, 0
    yield messages[first:]


def _feed_each(messages: Sequence[Received], one: One) -> None:
    for message in messages:
        one(message)


def _feed_part(
    messages: Sequence[Received], host: Host, out: Outcome, link: int, one: One, patience: Patience
) -> None:
    scan, topics = Scan(), dict[str, Topic | None]()
    frames = [_frame(scan, message, topics, patience) for message in messages]
    if len(scan.starts) < ENOUGH:
        _feed_each(messages, one)
        return
    run = _Run(fields_of(scan), out.samples)
    for message, frame in zip(messages, frames, strict=True):
        topic = topics[message.topic]
        taken = False
        if topic is not None and frame is not None:
            plain = run.plain(frame)
            patience.learns(message.topic, plain)
            taken = plain and run.takes(message, frame, host, topic, link)
        if not taken:
            run.flush()
            one(message)
    run.flush()


def _frame(
    scan: Scan, message: Received, topics: dict[str, Topic | None], patience: Patience
) -> Frame | None:
    if message.topic not in topics:
        parts = topic_parts(message.topic)
        topics[message.topic] = parts[1:] if parts and parts[0] in (NDATA, DDATA) else None
    if topics[message.topic] is None or not patience.tries(message.topic):
        return None
    frame = scan.frame(message.payload)
    if frame is None:
        patience.learns(message.topic, plain=False)
    return frame


class _Places(dict[int, int]):
    """Alias → place among the metrics of this run. An alias that has no meaning raises KeyError."""

    def __init__(self, table: Table, run: _Run) -> None:
        self.table = table
        self._run = run

    def __missing__(self, alias: int) -> int:
        known = self.table.aliases[alias]
        place = self[alias] = len(self._run.indexes)
        self._run.indexes.append(self._run.samples.index_of(known.address))
        self._run.datatypes.append(known.datatype)
        return place


class _Run:
    """Messages in order; those not yet among the samples wait to be added together."""

    def __init__(self, fields: Fields, samples: Columns) -> None:
        self.samples = samples
        self.indexes: list[int] = []
        self.datatypes: list[int] = []
        self._fields = fields
        self._aliases: list[int] = fields.alias.tolist()
        self._odd = _up_to(~fields.plain)
        self._nulls = _up_to(fields.form == 0)
        self._tables: dict[Topic, _Places] = {}
        self._waiting: list[tuple[int, int, int, int]] = []
        self._places: list[int] = []
        self._first = 0

    def plain(self, frame: Frame) -> bool:
        return self._odd[frame.first] == self._odd[frame.last]

    def takes(self, message: Received, frame: Frame, host: Host, topic: Topic, link: int) -> bool:
        """False when it is not to be added so simply; then nothing is done."""
        sent, seq, first, last = frame
        if seq is None or seq > 255:
            return False
        node = host.straight(*topic, seq, link, message.arrival)
        if node is None:
            return False
        table = node.tables.get(topic[2], NOTHING)
        known = self._tables.get(topic)
        if known is None or known.table is not table:
            known = self._tables[topic] = _Places(table, self)
        try:
            places = list(map(known.__getitem__, self._aliases[first:last]))
        except KeyError:
            return False
        if self._nulls[first] != self._nulls[last] and self._nulls_a_whole(first, places):
            return False
        if not self._waiting:
            self._first = first
        self._places += places
        said = millis(sent) * 1000 or message.arrival
        self._waiting.append((last - first, said, message.arrival, base_of(message.payload)))
        node.passed(seq, message.arrival)
        return True

    def _nulls_a_whole(self, first: int, places: list[int]) -> bool:
        """A value made of values is null in each of its parts."""
        for row, place in enumerate(places, first):
            declared = int(self._fields.datatype[row]) or self.datatypes[place]
            if not self._fields.form[row] and declared in COMPOSED:
                return True
        return False

    def flush(self) -> None:
        if not self._waiting:
            return
        first, count = self._first, len(self._places)
        fields = Fields(*(column[first : first + count] for column in self._fields))
        places = np.array(self._places, np.int64)
        kinds, bits = fields.packed(np.array(self.datatypes, np.int64)[places])
        counts, *stamps = (np.array(column, np.int64) for column in zip(*self._waiting, strict=True))
        sent, arrival, base = (np.repeat(stamp, counts) for stamp in stamps)
        begins = np.repeat(np.cumsum(counts) - counts, counts)
        dated = fields.timestamp < END_OF_TIME
        times = np.where(dated, fields.timestamp, 0).astype(np.int64) * 1000
        self.samples.extend(
            address=np.array(self.indexes, np.uint32)[places].tobytes(),
            source_time=np.where(times, times, sent).tobytes(),
            server_time=sent.tobytes(),
            arrival_time=arrival.tobytes(),
            quality=bytes(count),
            status=np.full(count, NO_STATUS, np.int64).tobytes(),
            historical=fields.historical.tobytes(),
            kind=kinds.tobytes(),
            bits=bits.tobytes(),
            key=(base + np.arange(count) - begins).tobytes(),
        )
        self._waiting.clear()
        self._places.clear()


def _up_to(marked: Any) -> list[int]:
    """How many are marked before each place, and before the end."""
    return [0, *np.cumsum(marked).tolist()]
