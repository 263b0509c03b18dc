"""What edges get wrong in the field, and what becomes of their values. Payloads as they are on the wire."""

from __future__ import annotations

from typing import Any

import paho.mqtt.client as paho
import pytest
from paho.mqtt.enums import CallbackAPIVersion

from connectors.domain.columns import instant
from connectors.domain.sparkplug_messages import Outcome
from connectors.protocols.sparkplug import SparkplugConfig, SparkplugConnector
from connectors.protocols.sparkplug.sparkplug_b_pb2 import DataSet, Payload, Template
from connectors.transports.mqtt_client import Received
from plant.domain.samples import Quality
from tests.connectors.edge import payload
from tests.connectors.peers import Mosquitto
from tests.connectors.test_sparkplug import Following, connector

SECOND = 1_000_000
START = 1_772_452_800 * SECOND
BD_SEQ = {"name": "bdSeq", "datatype": 8, "long_value": 3}
REBIRTH = {"name": "Node Control/Rebirth", "datatype": 11, "boolean_value": False}


class Host:
    """A host fed by hand; its clock goes on a second with every message."""

    def __init__(self) -> None:
        config = SparkplugConfig(broker="mqtt://localhost", host_id="mom")
        self.made, self.out, self.now = SparkplugConnector(config), Outcome(), START

    def say(self, kind: str, *metrics: dict[str, Any], device: str = "", **fields: Any) -> Host:
        """``at`` = 0: no timestamp; ``seq`` = None: none."""
        self.now += SECOND
        said = {"at": self.now // 1000, "seq": 0, **fields}
        message = Payload()
        if said["at"]:
            message.timestamp = said["at"]
        if said["seq"] is not None:
            message.seq = said["seq"]
        for metric in metrics:
            message.metrics.add(**metric)
        topic = "/".join(filter(None, ("spBv1.0/G", kind, "E", device)))
        raw = message.SerializeToString()
        self.made._feed(Received(topic, raw, 0, 0, False, False, self.now), self.out)
        return self

    def born(self, *metrics: dict[str, Any], **fields: Any) -> Host:
        return self.say("NBIRTH", BD_SEQ, REBIRTH, *metrics, **fields)

    def wait(self, seconds: float) -> Host:
        self.now += int(seconds * SECOND)
        self.made._host.tick(self.now, self.out)
        return self

    def values(self, name: str = "G/E:v") -> list[Any]:
        return [sample.value for sample in self.out.samples if sample.address == name]

    def unread(self) -> list[str]:
        return [message.reason for message in self.out.unreadable]

    def asked(self) -> list[str]:
        return [rebirth.reason for rebirth in self.out.rebirths]

    def gaps(self) -> list[tuple[str, str]]:
        return [(gap.cause, gap.scope) for gap in self.out.gaps if gap.end_time is None]


def v(value: int = 1, **more: Any) -> dict[str, Any]:
    return {"name": "v", "alias": 1, "datatype": 3, "int_value": value, **more}


def by_alias(value: int, **more: Any) -> dict[str, Any]:
    return {"alias": 1, "int_value": value, **more}


def test_tck_id_topics_nbirth_rebirth_metric() -> None:
    host = Host().say("NBIRTH", BD_SEQ, v()).say("NDATA", by_alias(2), seq=2).wait(3)
    assert [said for said in host.out.alarms if "Rebirth" in said]
    assert host.asked() == ["seq jump: expected 1, got 2"]


def test_tck_id_payloads_nbirth_bdseq() -> None:
    host = Host().say("NBIRTH", REBIRTH, v()).say("NDEATH", {**BD_SEQ, "long_value": 77}, seq=None)
    assert [said for said in host.out.alarms if "without bdSeq" in said]
    assert host.gaps() == [("death_to_birth", "G/E:")]


def test_what_was_read_is_quoted_as_far_as_a_person_reads_it() -> None:
    host = Host().born(v())
    host.say("NDEATH", {"name": "bdSeq", "datatype": 12, "string_value": "9" * 10_000}, seq=None)
    host.say("DDATA", by_alias(1), device="d" * 10_000, seq=1)
    assert len(host.unread()) == 2
    assert all(len(reason) < 300 for reason in host.unread())


def test_tck_id_payloads_ndeath_bdseq() -> None:
    """A graceful stop with a wrong bdSeq: ignored and told; silence after it, and no answer: a gap."""
    host = Host().born(v()).say("NDEATH", {**BD_SEQ, "long_value": 4}, seq=None)
    assert (host.gaps(), host.made._host.online()) == ([], ["G/E"])
    assert "bdSeq 4" in host.out.alarms[-1]
    host.wait(31)
    assert host.asked() == ["silent since a death that did not match its birth"]
    host.wait(31)
    assert host.gaps() == [("death_unconfirmed", "G/E")]
    host.say("NDATA", by_alias(2), seq=1)
    assert [gap.cause for gap in host.out.gaps if gap.end_time] == ["death_unconfirmed"]


async def test_tck_id_payloads_ndeath_will_message_qos(tck_broker: Mosquitto) -> None:
    following = Following(connector(tck_broker, host_id="cheap"))
    await following.until(lambda: following.batches)
    client = paho.Client(CallbackAPIVersion.VERSION2, client_id="cheap")
    client.will_set("spBv1.0/C/NDEATH/E", payload({"bdSeq": 4}, seq=None), qos=0)
    client.connect("127.0.0.1", tck_broker.port)
    client.loop_start()
    client.publish("spBv1.0/C/NBIRTH/E", payload({"bdSeq": 4, "State": 6}, seq=0)).wait_for_publish(5)
    await following.until(lambda: [s for b in following.batches for s in b.samples])
    client.loop_stop()
    client._sock_close()
    await following.until(lambda: ("death_to_birth", True) in following.gaps())
    await following.stop()


def test_tck_id_payloads_sequence_num_always_included() -> None:
    host = Host().born(v()).say("NDATA", by_alias(2), seq=None).say("NDATA", by_alias(3), seq=1)
    assert (host.values(), host.asked(), host.gaps()) == ([1, 2, 3], [], [])


def test_tck_id_payloads_sequence_num_zero_nbirth() -> None:
    host = Host().born(v(), seq=7).say("NDATA", by_alias(2), seq=8).wait(3)
    assert (host.values(), host.asked()) == ([1, 2], [])


def test_tck_id_payloads_sequence_num_incrementing() -> None:
    host = Host().born(v(0))
    for number in range(1, 300):
        host.say("NDATA", by_alias(number), seq=number % 256)
    assert (host.values(), host.asked(), host.gaps()) == (list(range(300)), [], [])
    host.say("NDATA", by_alias(301), seq=301 % 256).wait(3)
    assert host.asked() == ["seq jump: expected 44, got 45"]
    assert host.values()[-1] == 301
    assert [gap.cause for gap in host.out.gaps] == ["seq_jump"]


def test_tck_id_payloads_name_requirement() -> None:
    host = Host().born(v()).say("NDATA", {"int_value": 9}, by_alias(2), seq=1)
    assert host.values() == [1, 2]
    assert (host.unread(), host.asked()) == (["neither name nor alias"], [])


def test_tck_id_payloads_alias_uniqueness() -> None:
    host = Host().born(v(), {**v(5), "name": "w"}).say("NDATA", by_alias(2), seq=1)
    assert (host.values(), host.values("G/E:w")) == ([1], [5])
    assert host.unread() == ["alias 1 stands for two metrics"]
    assert host.asked() == [], "births would say the same again"


def test_tck_id_payloads_metric_datatype_req() -> None:
    host = Host().born({"name": "v", "alias": 1, "int_value": 7}).say("NDATA", by_alias(8), seq=1)
    assert host.values() == [7, 8]


@pytest.mark.parametrize("datatype", [0, 99, 4_000_000_000])
def test_tck_id_payloads_metric_datatype_value(datatype: int) -> None:
    host = Host().born(v(7, datatype=datatype), {"name": "f", "datatype": datatype, "double_value": 1.5})
    assert (host.values(), host.values("G/E:f")) == ([7], [1.5])


def test_a_counter_that_flips_between_int32_and_float_is_one_counter() -> None:
    host = Host().born(v(41))
    host.say("NDATA", {"alias": 1, "datatype": 9, "float_value": 42.0}, seq=1)
    host.say("NDATA", {"alias": 1, "datatype": 3, "int_value": 43}, seq=2)
    host.say("NDATA", {"alias": 1, "float_value": 43.5}, seq=3)
    assert host.values() == [41, 42.0, 43, 43.5]


def test_tck_id_payloads_name_birth_data_requirement() -> None:
    host = Host().born(v()).say("NDATA", by_alias(2), seq=1)
    assert [sample.source_time for sample in host.out.samples][-1] == instant(host.now)


def test_tck_id_payloads_nbirth_timestamp() -> None:
    host = Host().born(v(), at=0)
    assert [sample.source_time for sample in host.out.samples] == [instant(host.now)]


def device() -> Host:
    return Host().born().say("DBIRTH", v(), device="D", seq=1)


def test_tck_id_payloads_ddeath_seq() -> None:
    host = device().say("DDEATH", device="D", seq=None).say("NDATA", seq=2)
    assert host.gaps() == [("death_to_birth", "G/E/D:")]
    assert host.asked() == []


def test_tck_id_payloads_ddeath_timestamp() -> None:
    host = device().say("DDEATH", device="D", seq=2, at=0)
    assert [gap.start_time for gap in host.out.gaps] == [instant(host.now)]


def test_tck_id_payloads_dbirth_order() -> None:
    host = Host().born().say("DDATA", by_alias(5), device="D", seq=1)
    assert host.unread() == ["DDATA before the birth of device 'D'"]
    assert host.gaps() == [("before_birth", "G/E/D:")]
    assert host.asked() == host.unread()
    host.say("DBIRTH", v(6), device="D", seq=2).say("DDATA", by_alias(7), device="D", seq=3)
    assert host.values("G/E/D:v") == [6, 7]
    assert [gap.scope for gap in host.out.gaps if gap.end_time] == ["G/E/D:"]


def test_tck_id_payloads_ndata_order() -> None:
    """Alias-only data before the birth: another birth may number otherwise, so they are never guessed at."""
    host = Host().say("NDATA", by_alias(5), seq=9)
    assert host.unread() == ["NDATA before the node's birth"]
    assert host.out.unreadable[0].raw
    assert host.gaps() == [("before_birth", "G/E:")]
    assert host.asked() == host.unread()
    host.born(v(6))
    assert host.values() == [6]
    assert [gap.scope for gap in host.out.gaps if gap.end_time] == ["G/E:"]


@pytest.mark.parametrize(
    ("code", "quality"), [(192, Quality.GOOD), (0, Quality.BAD), (500, Quality.BAD), (64, Quality.UNCERTAIN)]
)
def test_tck_id_payloads_propertyset_quality_value_value(code: int, quality: Quality) -> None:
    said = {"keys": ["Quality"], "values": [{"type": 3, "int_value": code}]}
    host = Host().born(v(properties=said))
    assert [(sample.quality, sample.status_code) for sample in host.out.samples] == [(quality, code)]


def test_tck_id_payloads_dataset_column_num_headers() -> None:
    crooked = DataSet(num_of_columns=2, columns=["Code"], types=[3, 12]).SerializeToString()
    host = Host().born({"name": "Alarms", "datatype": 16, "dataset_value": crooked}, v())
    assert host.unread() == ["G/E:Alarms: a DataSet of 2 columns with 1 names and 2 types"]
    assert host.values() == [1]


def test_tck_id_payloads_template_definition_is_definition() -> None:
    made = Template(is_definition=True)
    made.metrics.add(name="Speed", datatype=3, int_value=0)
    host = Host().born({"name": "Motor", "datatype": 19, "template_value": made.SerializeToString()})
    assert (len(host.out.samples), host.unread()) == (0, [])


def test_tck_id_payloads_template_instance_members_data() -> None:
    whole, part = Template(template_ref="Motor"), Template(template_ref="Motor")
    for name in ("Speed", "Offset"):
        whole.metrics.add(name=name, datatype=2, int_value=1)
    part.metrics.add(name="Offset", int_value=0xFFFF)
    host = Host().born({"name": "M", "alias": 4, "datatype": 19, "template_value": whole.SerializeToString()})
    host.say("NDATA", {"alias": 4, "template_value": part.SerializeToString()}, seq=1)
    assert (host.values("G/E:M/Speed"), host.values("G/E:M/Offset")) == ([1], [1, -1])


def test_tck_id_operational_behavior_data_publish_nbirth() -> None:
    host = Host().born(v()).say("NDATA", {"name": "new", "datatype": 3, "int_value": 5}, by_alias(2), seq=1)
    assert host.values() == [1, 2]
    assert host.unread() == host.asked() == ["unknown metric 'new'"]


def test_tck_id_operational_behavior_data_publish_nbirth_order() -> None:
    """Historical values never stand in the way of live ones: each has its own time, and says what it is."""
    host = Host().born(v()).say("NDATA", by_alias(3), seq=1)
    late = (START - 3600 * SECOND) // 1000
    host.say("NDATA", by_alias(2, timestamp=late, is_historical=True), by_alias(4), seq=2)
    said = [(sample.value, sample.historical, sample.source_time) for sample in host.out.samples]
    assert said[-2:] == [(2, True, instant(late * 1000)), (4, False, instant(host.now))]


def test_a_fractional_count_and_a_null_are_kept_as_they_are() -> None:
    host = Host().born({"name": "v", "alias": 1, "datatype": 10, "double_value": 12.4})
    host.say("NDATA", {"alias": 1, "is_null": True}, seq=1)
    assert host.values() == [12.4, None]


def test_a_state_by_private_number_and_by_word_are_two_signals() -> None:
    """Which of them is mapped to states is the engineer's choice; neither is changed on the way."""
    number = {"name": "Status/StateCurrent", "datatype": 3, "int_value": 17}
    word = {"name": "Status/StateCurrentStr", "datatype": 12, "string_value": "Execute"}
    host = Host().born(number, word)
    assert host.values("G/E:Status/StateCurrent") == [17]
    assert host.values("G/E:Status/StateCurrentStr") == ["Execute"]
