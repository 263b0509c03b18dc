"""A device that says many values in each message, as lines do: ``python -m tests.chaos.bundles LEDGER …``.

As ``publisher``: written down and fsynced first, published to $MQTT_URL at QoS 1 until its standard input
ends, then until everything is acknowledged.
"""

from __future__ import annotations

import argparse
import os
import signal
import time
from dataclasses import dataclass
from pathlib import Path

import orjson

from mom.embedded.lifeline import follow_parent
from tests.chaos.publisher import Message, _Device, _told_to_end

VALUES = 25
EXECUTE, ABORTED = 6, 9
# A stop of so many messages now and then
STOP, CYCLE = 20, 400


@dataclass(frozen=True, slots=True)
class Bundle(Message):
    """The state, the good count and 23 other values of one machine at one instant."""

    @property
    def malformed(self) -> bool:
        return False

    @property
    def payload(self) -> bytes:
        said = [{"a": place, "v": value_of(place, self.number)} for place in range(VALUES)]
        return orjson.dumps({"t": self.at, "n": self.number, "s": said})


def value_of(place: int, number: int) -> int:
    if place == 0:
        return ABORTED if number % CYCLE < STOP else EXECUTE
    return number if place == 1 else number * VALUES + place


class Bundler(_Device):
    def _message(self) -> Message:
        self._at = max(self._at + 1, time.time_ns() // 1000)
        number, self._next = self._next, self._next + 1
        return Bundle(number, f"{self._prefix}/line", self._at)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("ledger", type=Path)
    parser.add_argument("--prefix", required=True)
    parser.add_argument("--rate", type=float, required=True, help="values per second")
    options = parser.parse_args()
    follow_parent(signal.SIGKILL)
    device = Bundler(options.ledger, os.environ["MQTT_URL"], options.prefix, 1)
    begun, said, per_second = time.monotonic(), 0, options.rate / VALUES
    while not _told_to_end():
        due = int((time.monotonic() - begun) * per_second) - said
        if due > 0:
            # One that was held up does not make up for it in one go
            device.say(min(due, 50))
            said += due
        device.acknowledge()
    device.end(60.0)


if __name__ == "__main__":
    main()
