"""A device that writes down what it says before it says it: numbered MQTT messages and an fsynced ledger.

``python -m tests.chaos.publisher LEDGER --prefix P --rate 300`` publishes to $MQTT_URL at QoS 1 until its
standard input ends (or ``--lasting`` seconds), then until everything is acknowledged. Lines of the ledger::

    s NUMBER TOPIC MICROSECONDS   written and fsynced before the message is sent
    a NUMBER                      the broker acknowledged it

Numbers are unique across restarts: each start takes the next block. After its connection was lost it repeats
what was acknowledged in the last seconds, because a killed Mosquitto forgets what it had not saved yet.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import select
import signal
import sys
import threading
import time
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import orjson
import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion

from mom.embedded.lifeline import follow_parent

BLOCK = 100_000_000
GROUP = 25
MALFORMED = 97
MOST_WAITING = 5000
KINDS = ("dated", "numbered", "good", "state")
STATE_VALUES = (6, 6, 6, 11)


@dataclass(frozen=True, slots=True)
class Message:
    """``at``: microseconds since 1970. Malformed ones have a text for a payload."""

    number: int
    topic: str
    at: int

    @property
    def malformed(self) -> bool:
        return self.number % MALFORMED == 0

    @property
    def value(self) -> int:
        kind = self.topic.rpartition("/")[2]
        return STATE_VALUES[self.number // 40 % 4] if kind == "state" else self.number

    @property
    def payload(self) -> bytes:
        if self.malformed:
            return b"not JSON " + str(self.number).encode()
        body: dict[str, Any] = {"v": self.value, "n": self.number}
        if not self.topic.endswith("/numbered"):
            body["t"] = self.at
        return orjson.dumps(body)


@dataclass
class Ledger:
    """What was said, and which of it the broker acknowledged."""

    sent: dict[int, Message] = field(default_factory=dict)
    acknowledged: set[int] = field(default_factory=set)

    @classmethod
    def read(cls, path: Path) -> Ledger:
        found = cls()
        lines = path.read_text().split("\n") if path.exists() else []
        for line in lines[:-1]:  # a last line cut short was never fsynced
            word, number, *rest = line.split(" ")
            if word == "s":
                found.sent[int(number)] = Message(int(number), rest[0], int(rest[1]))
            else:
                found.acknowledged.add(int(number))
        return found


class _Device:
    def __init__(self, path: Path, url: str, prefix: str, units: int) -> None:
        told = Ledger.read(path).sent
        self._next = (max(told, default=-1) // BLOCK + 1) * BLOCK + 1
        self._file = path.open("a")
        self._at = max((message.at for message in told.values()), default=0)
        self._prefix, self._units = prefix, units
        self._waiting: dict[int, Message] = {}
        # Written by paho's thread, which must never wait for ours: a lock would be a deadlock in waiting
        self._acknowledged: deque[int] = deque()
        self._recent: deque[tuple[float, Message]] = deque()
        self._again = threading.Event()
        parts = urlsplit(url)
        self._client = paho.Client(CallbackAPIVersion.VERSION2)
        self._client.max_inflight_messages_set(1000)
        self._client.max_queued_messages_set(0)
        self._client.reconnect_delay_set(1, 1)
        if parts.username:
            self._client.username_pw_set(unquote(parts.username), unquote(parts.password or ""))
        self._client.on_publish = lambda _client, _data, mid, *_: self._acknowledged.append(mid)
        self._client.on_disconnect = lambda *_: self._again.set()
        self._client.connect_async(parts.hostname or "127.0.0.1", parts.port or 1883, 15)
        self._client.loop_start()

    def say(self, count: int) -> None:
        messages = [self._message() for _ in range(count)]
        self._write([f"s {m.number} {m.topic} {m.at}" for m in messages])
        self._publish(messages)

    def repeat_if_cut(self, seconds: float) -> None:
        """Once reconnected: everything acknowledged within the last ``seconds`` once more."""
        if self._again.is_set() and self._client.is_connected():
            self._again.clear()
            since = time.monotonic() - seconds
            self._publish([message for at, message in self._recent if at >= since])

    def acknowledge(self) -> None:
        """What the broker acknowledged since the last call goes on record."""
        now, news = time.monotonic(), []
        while self._acknowledged:
            message = self._waiting.pop(self._acknowledged.popleft())
            news.append(f"a {message.number}")
            self._recent.append((now, message))
        while self._recent and self._recent[0][0] < now - 30:
            self._recent.popleft()
        if news:
            self._write(news)

    @property
    def waiting(self) -> int:
        return len(self._waiting)

    def end(self, seconds: float) -> None:
        deadline = time.monotonic() + seconds
        while (self.waiting or self._again.is_set()) and time.monotonic() < deadline:
            self.repeat_if_cut(seconds=1e9)
            self.acknowledge()
            time.sleep(0.02)
        self.acknowledge()
        self._client.disconnect()
        self._client.loop_stop()

    def _message(self) -> Message:
        self._at = max(self._at + 1, time.time_ns() // 1000)
        number, self._next = self._next, self._next + 1
        kind, unit = KINDS[number // self._units % len(KINDS)], number % self._units
        return Message(number, f"{self._prefix}/{unit}/{kind}", self._at)

    def _publish(self, messages: Iterable[Message]) -> None:
        for message in messages:
            # Without a connection it is sent with the next one
            self._waiting[self._client.publish(message.topic, message.payload, qos=1).mid] = message

    def _write(self, lines: list[str]) -> None:
        self._file.write("".join(line + "\n" for line in lines))
        self._file.flush()
        os.fsync(self._file.fileno())


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("ledger", type=Path)
    parser.add_argument("--prefix", required=True)
    parser.add_argument("--units", type=int, default=2)
    parser.add_argument("--rate", type=float, default=300.0)
    parser.add_argument("--forgets", type=float, default=6.0)
    parser.add_argument("--lasting", type=float, default=600.0)
    options = parser.parse_args()
    follow_parent(signal.SIGKILL)
    device = _Device(options.ledger, os.environ["MQTT_URL"], options.prefix, options.units)
    begun, said = time.monotonic(), 0
    while (passed := time.monotonic() - begun) < options.lasting and not _told_to_end():
        group = min(GROUP, int(passed * options.rate) - said)
        said = max(said + max(group, 0), int((passed - 1) * options.rate))
        if group > 0 and device.waiting < MOST_WAITING:
            device.say(group)
        device.repeat_if_cut(options.forgets)
        device.acknowledge()
    device.end(60.0)


def _told_to_end() -> bool:
    """Waits a little; True at the end of standard input."""
    readable, _, _ = select.select([sys.stdin], [], [], 0.01)
    with contextlib.suppress(OSError):
        return bool(readable) and not os.read(sys.stdin.fileno(), 1)
    return True


if __name__ == "__main__":
    main()
