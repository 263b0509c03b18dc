"""Which address of which connection shows what: readings as values of the plant file's signals."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from mom.demo.events import Reading, Value

Key = tuple[str, str, str]


@dataclass(frozen=True, slots=True)
class Wire:
    """One signal: ``states`` gives the vendor's own number or word for a state."""

    connection: str
    unit: str
    address: str
    role: str
    states: Mapping[str, Value] | None = None


class Sent(NamedTuple):
    """A value as it goes on the wire at a time (ms)."""

    wire: Wire
    at: int
    value: Value


class Wiring:
    """The signals of a plant file, found by machine, role and key."""

    def __init__(self, document: dict[str, Any]) -> None:
        self.connections = {connection["slug"]: connection for connection in document["connections"]}
        keys = _value_keys(document)
        self.words = _alarm_words(document)
        self.wires: dict[Key, list[Wire]] = {}
        for signal in document["signals"]:
            wire = self._wire(signal)
            key = keys.get((signal["connection"], signal["address"]), "")
            self.wires.setdefault((wire.unit, wire.role, key), []).append(wire)

    def _wire(self, signal: dict[str, Any]) -> Wire:
        connection = self.connections[signal["connection"]]
        states = None
        if signal["role"] == "state":
            table = signal.get("state_map") or connection.get("state_map", {})
            states = {name: _raw(raw) for raw, name in table.items()}
        return Wire(connection["slug"], signal["equipment"], signal["address"], signal["role"], states)

    def of_connection(self, slug: str) -> list[Wire]:
        return [wire for wires in self.wires.values() for wire in wires if wire.connection == slug]

    def state_names(self, slug: str) -> dict[Value, str]:
        """What the vendor's own numbers or words mean, for those who show the name beside the number."""
        tables = (wire.states for wire in self.of_connection(slug) if wire.states)
        return {raw: name for table in tables for name, raw in table.items()}

    def send(self, readings: Iterable[Reading]) -> list[Sent]:
        """Readings nobody mapped are not shown: no more than a real machine's."""
        sent = []
        for reading in readings:
            if reading.role == "alarm":
                said = self.words.get((reading.unit, reading.key), "") if reading.value == "raised" else ""
                value: Value = ":".join(text for text in (reading.key, str(reading.value), said) if text)
                wires = self.wires.get((reading.unit, "alarm", ""), ())
            else:
                value = reading.value
                wires = self.wires.get((reading.unit, reading.role, reading.key), ())
            for wire in wires:
                shown = wire.states[str(value)] if wire.states is not None else value
                sent.append(Sent(wire, reading.at, shown))
        return sent


def _raw(raw: str) -> Value:
    return int(raw) if raw.lstrip("-").isdigit() else raw


def _alarm_words(document: dict[str, Any]) -> dict[tuple[str, str], str]:
    """What a machine's own panel calls each of its faults: its maker speaks English."""
    return {
        (machine["equipment"], str(fault["code"])): fault["name"]["en"]
        for machine in document["simulation"]["machines"]
        for fault in machine.get("faults", [])
        if "name" in fault
    }


def _value_keys(document: dict[str, Any]) -> dict[tuple[str, str], str]:
    """The simulation's key of every process value and set-point address."""
    connection = {(s["equipment"], s["address"]): s["connection"] for s in document["signals"]}
    keys = {}
    for machine in document["simulation"]["machines"]:
        for value in machine.get("values", []):
            for name in ("address", "setpoint_address"):
                keys[connection[machine["equipment"], value[name]], value[name]] = value["key"]
    return keys
