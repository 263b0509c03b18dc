"""Every folder under ``testcases`` is one case: a bug report becomes a folder, not a test.

``connection.toml`` holds the settings, ``input.jsonl`` what the source sent, ``expected.jsonl`` what must
come out (samples, gaps, rebirths, unreadable messages, in order), or ``error.txt`` why the settings are
refused.
"""

from __future__ import annotations

import json
import tomllib
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from asyncua import ua
from google.protobuf.json_format import ParseDict

from connectors.domain.columns import Columns, instant, micros
from connectors.domain.outage import GapRecord
from connectors.domain.sparkplug_messages import Outcome
from connectors.interface import ConfigurationError, Malformed
from connectors.protocols.files import FilesConfig, FilesConnector
from connectors.protocols.http import HttpConfig, HttpConnector
from connectors.protocols.mqtt import MqttConfig, MqttConnector
from connectors.protocols.opcua import OpcUaConfig, OpcUaConnector
from connectors.protocols.opcua.values import NotAValue, data_row
from connectors.protocols.sparkplug import SparkplugConfig, SparkplugConnector
from connectors.protocols.sparkplug.sparkplug_b_pb2 import Payload
from connectors.services.posting import lines_of
from connectors.transports.mqtt_client import Received
from plant.domain.samples import Quality, Sample

FOLDER = Path(__file__).parent / "testcases"
Line = dict[str, Any]


def _lines(path: Path) -> list[Line]:
    return [json.loads(line) for line in path.read_text().splitlines() if line.strip()]


def _at(text: str) -> int:
    return micros(datetime.fromisoformat(text))


def _time(at: datetime) -> str:
    return at.isoformat().replace("+00:00", "Z")


def _sample(sample: Sample) -> Line:
    said: Line = {"address": sample.address, "source_time": _time(sample.source_time), "value": sample.value}
    if sample.quality != Quality.GOOD:
        said["quality"] = sample.quality.name.lower()
    if sample.historical:
        said["historical"] = True
    return said


def _gap(gap: GapRecord) -> Line:
    end = gap.end_time and _time(gap.end_time)
    return {"gap": gap.cause, "scope": gap.scope, "start": _time(gap.start_time), "end": end}


def _columns(columns: Columns) -> list[Line]:
    return [_sample(sample) for sample in columns]


def _received(line: Line, payload: bytes) -> Received:
    return Received(line["topic"], payload, 0, 0, False, False, _at(line["at"]))


def _bytes(line: Line) -> bytes:
    if "hex" in line:
        return bytes.fromhex(line["hex"])
    return line["text"].encode() if "text" in line else json.dumps(line["payload"]).encode()


def mqtt(settings: Line, lines: list[Line]) -> list[Line]:
    connector, said = MqttConnector(MqttConfig.from_mapping(settings)), list[Line]()
    for line in lines:
        batch = connector._batch([_received(line, _bytes(line))])
        said += _columns(batch.samples)
        said += [{"unreadable": message.reason, "source": message.source} for message in batch.malformed]
    return said


def sparkplug(settings: Line, lines: list[Line]) -> list[Line]:
    connector, said = SparkplugConnector(SparkplugConfig.from_mapping(settings)), list[Line]()
    for line in lines:
        out = Outcome()
        if "tick" in line:
            connector._host.tick(_at(line["tick"]), out)
        else:
            raw = _bytes(line) if "hex" in line else ParseDict(line["payload"], Payload()).SerializeToString()
            connector._feed(_received(line, raw), out)
        said += _columns(out.samples)
        said += [_gap(gap) for gap in out.gaps]
        said += [{"unreadable": unread.reason, "source": unread.topic} for unread in out.unreadable]
        said += [{"rebirth": f"{group}/{node}", "reason": reason} for group, node, reason, _ in out.rebirths]
        said += [{"alarm": alarm} for alarm in out.alarms]
    return said


def opcua(settings: Line, lines: list[Line]) -> list[Line]:
    OpcUaConnector(OpcUaConfig.from_mapping(settings))
    said: list[Line] = []
    for line in lines:
        variant = ua.Variant(line["value"], ua.VariantType[line["type"]])
        data = ua.DataValue(
            variant,
            StatusCode=ua.StatusCode(ua.UInt32(int(line.get("status", "0"), 16))),
        )
        if "source_time" in line:
            said_at: Any = datetime.fromisoformat(line["source_time"])
            data = replace(data, SourceTimestamp=said_at)
        columns = Columns()
        try:
            columns.add_rows([data_row(line["address"], data, _at(line["at"]))], _at(line["at"]))
        except NotAValue as error:
            unread = Malformed(
                source=line["address"], reason=str(error), raw=b"", arrival_time=instant(_at(line["at"]))
            )
            said.append({"unreadable": unread.reason, "source": unread.source})
        said += _columns(columns)
    return said


def files(settings: Line, lines: list[Line]) -> list[Line]:
    connector, said = FilesConnector(FilesConfig.from_mapping(settings)), list[Line]()
    for batch in connector.read(rows=4) if lines else ():
        said += _columns(batch.samples)
        said += [{"unreadable": message.reason, "source": message.source} for message in batch.malformed]
    return said


def http(settings: Line, lines: list[Line]) -> list[Line]:
    HttpConnector(HttpConfig.from_mapping(settings))
    raw = b"\n".join(json.dumps(line).encode() for line in lines)
    columns, refused = lines_of(raw, now=datetime(2026, 3, 2, 9, tzinfo=UTC))
    return _columns(columns) + [{"unreadable": one.reason, "source": f"line {one.line}"} for one in refused]


PLAYERS: dict[str, Callable[[Line, list[Line]], list[Line]]] = {
    "mqtt": mqtt,
    "sparkplug": sparkplug,
    "opcua": opcua,
    "files": files,
    "http": http,
}
CASES = sorted(path.parent for path in FOLDER.glob("*/*/connection.toml"))


@pytest.mark.parametrize("case", CASES, ids=lambda path: f"{path.parent.name}-{path.name}")
def test_case(case: Path) -> None:
    settings = tomllib.loads((case / "connection.toml").read_text())
    play = PLAYERS[case.parent.name]
    error = case / "error.txt"
    if error.exists():
        with pytest.raises(ConfigurationError) as refused:
            play(settings, [])
        assert str(refused.value) == error.read_text().strip()
        return
    if (case / "input.csv").exists():
        said = play({**settings, "path": str(case / "input.csv")}, [{}])
    else:
        said = json.loads(json.dumps(play(settings, _lines(case / "input.jsonl"))))
    assert said == _lines(case / "expected.jsonl")


def test_every_protocol_has_cases() -> None:
    assert {case.parent.name for case in CASES} == set(PLAYERS)
