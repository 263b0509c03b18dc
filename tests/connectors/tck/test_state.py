"""What the host says of itself: its will, births and deaths, and when. Names are the specification's ids."""

from __future__ import annotations

import orjson
import pytest

from tests.connectors.tck.life import Life
from tests.connectors.tck.wire import SUBSCRIBE
from tests.connectors.test_sparkplug import STATE

CLEAN, CUT, MQTT_5 = 0, 1, 2
SESSION_EXPIRY_0 = b"\x11\0\0\0\0"


def test_tck_id_intro_sparkplug_host_state(life: Life) -> None:
    assert [state["online"] for state in life.states(CLEAN)] == [True, True, False]


def test_tck_id_components_ph_state(life: Life) -> None:
    assert {state["topic"] for link in (CLEAN, CUT) for state in life.states(link)} == {STATE}


def test_tck_id_conformance_primary_host(life: Life) -> None:
    assert life.births(CLEAN)
    assert life.deaths(CLEAN)


def test_tck_id_principles_birth_certificates_order(life: Life) -> None:
    first = next(kind for kind in life.order(CLEAN) if kind in ("state", "command"))
    assert first == "state"
    assert life.states(CLEAN)[0]["online"] is True


# -- birth -----------------------------------------------------------------------------------------------


def test_tck_id_host_topic_phid_birth_message(life: Life) -> None:
    for link in (CLEAN, CUT):
        published = [kind for kind in life.order(link) if kind in ("state", "command")]
        assert published[0] == "state"
        assert life.states(link)[0]["online"] is True


def test_tck_id_host_topic_phid_birth_topic(life: Life) -> None:
    assert life.births()[0]["topic"] == "spBv1.0/STATE/mom"


def test_tck_id_host_topic_phid_birth_qos(life: Life) -> None:
    assert {birth["qos"] for birth in life.births()} == {1}


def test_tck_id_host_topic_phid_birth_retain(life: Life) -> None:
    assert {birth["retain"] for birth in life.births()} == {True}


def test_tck_id_host_topic_phid_birth_payload(life: Life) -> None:
    assert orjson.loads(life.births()[0]["payload"]).keys() == {"online", "timestamp"}
    assert life.births()[0]["online"] is True
    assert type(life.births()[0]["timestamp"]) is int


def test_tck_id_host_topic_phid_birth_payload_timestamp(life: Life) -> None:
    for link in (CLEAN, CUT):
        assert {birth["timestamp"] for birth in life.births(link)} == {life.will(link)["timestamp"]}


def test_tck_id_host_topic_phid_birth_sub_required(life: Life) -> None:
    (subscribed,) = life.sent(SUBSCRIBE)
    assert dict(subscribed.said["topics"]).keys() == {STATE, "spBv1.0/+/#"}


def test_tck_id_host_topic_phid_birth_required(life: Life) -> None:
    assert life.order()[:3] == ["connect", "subscribe", "state"]


# -- will and death --------------------------------------------------------------------------------------


def test_tck_id_host_topic_phid_death_required(life: Life) -> None:
    assert life.connect()["will"]


def test_tck_id_host_topic_phid_death_topic(life: Life) -> None:
    assert life.will()["topic"] == STATE


def test_tck_id_host_topic_phid_death_qos(life: Life) -> None:
    assert life.will()["qos"] == 1


def test_tck_id_host_topic_phid_death_retain(life: Life) -> None:
    assert life.will()["retain"] is True


def test_tck_id_host_topic_phid_death_payload(life: Life) -> None:
    said = orjson.loads(life.will()["payload"])
    assert said == {"online": False, "timestamp": life.will()["timestamp"]}


def test_tck_id_host_topic_phid_death_payload_timestamp_connect(life: Life) -> None:
    assert life.stamps["started"] - 1 <= life.will()["timestamp"] <= life.stamps["stopping"]
    assert life.will(CUT)["timestamp"] > life.will(CLEAN)["timestamp"]


def test_tck_id_host_topic_phid_death_payload_timestamp_disconnect_clean(life: Life) -> None:
    (death,) = life.deaths(CLEAN)
    assert death["timestamp"] >= int(life.stamps["stopping"])
    assert life.order(CLEAN)[-2:] == ["state", "disconnect"]


def test_tck_id_host_topic_phid_death_payload_timestamp_disconnect_with_no_disconnect_packet(
    life: Life,
) -> None:
    """We always send DISCONNECT when we leave on purpose: the death before it is our own, not the will's."""
    assert "disconnect" in life.order(CLEAN)
    assert life.deaths(CLEAN)[0]["timestamp"] > life.will(CLEAN)["timestamp"]
    said = [orjson.loads(said.payload) for said in life.heard if said.topic == STATE]
    assert {"online": False, "timestamp": life.will(CUT)["timestamp"]} in said
    assert not life.deaths(CUT)


# -- message flow ----------------------------------------------------------------------------------------


def test_tck_id_message_flow_phid_sparkplug_clean_session_311(life: Life) -> None:
    assert (life.connect()["version"], life.connect()["clean"]) == (4, True)
    assert life.connect(CUT)["clean"] is True


def test_tck_id_message_flow_phid_sparkplug_clean_session_50(life: Life) -> None:
    """With MQTT 5: clean start, and a session that expires with the connection."""
    said = life.connect(MQTT_5)
    assert (said["version"], said["clean"]) == (5, True)
    assert SESSION_EXPIRY_0 in said["properties"]


def test_tck_id_message_flow_phid_sparkplug_subscription(life: Life) -> None:
    for link in (CLEAN, CUT):
        assert life.order(link).index("subscribe") < life.order(link).index("state")


def test_tck_id_message_flow_phid_sparkplug_state_publish(life: Life) -> None:
    for link in (CLEAN, CUT):
        assert life.order(link)[2] == "state"


def test_tck_id_message_flow_phid_sparkplug_state_publish_payload(life: Life) -> None:
    assert orjson.loads(life.births(CUT)[0]["payload"]).keys() == {"online", "timestamp"}
    assert life.births(CUT)[0]["online"] is True


def test_tck_id_message_flow_phid_sparkplug_state_publish_payload_timestamp(life: Life) -> None:
    assert life.births(CUT)[0]["timestamp"] == life.will(CUT)["timestamp"]


def test_tck_id_message_flow_hid_sparkplug_state_message_delivered(life: Life) -> None:
    said = [orjson.loads(heard.payload) for heard in life.heard if heard.topic == STATE]
    contradicted = said.index({"online": False, "timestamp": 1})
    assert said[contradicted + 1] == {"online": True, "timestamp": life.will()["timestamp"]}


# -- the same again, in the words of other chapters --------------------------------------------------------


def test_tck_id_operational_behavior_host_application_connect_will(life: Life) -> None:
    assert all("will" in life.connect(link) for link in (CLEAN, CUT))


def test_tck_id_operational_behavior_host_application_connect_will_topic(life: Life) -> None:
    assert life.will(CUT)["topic"] == STATE


def test_tck_id_operational_behavior_host_application_connect_will_payload(life: Life) -> None:
    assert orjson.loads(life.will(CUT)["payload"]) == {
        "online": False,
        "timestamp": life.births(CUT)[0]["timestamp"],
    }


def test_tck_id_operational_behavior_host_application_connect_will_qos(life: Life) -> None:
    assert life.will(CUT)["qos"] == 1


def test_tck_id_operational_behavior_host_application_connect_will_retained(life: Life) -> None:
    assert life.will(CUT)["retain"] is True


def test_tck_id_operational_behavior_host_application_connect_birth(life: Life) -> None:
    assert life.order(CUT)[:3] == ["connect", "subscribe", "state"]


def test_tck_id_operational_behavior_host_application_connect_birth_topic(life: Life) -> None:
    assert {birth["topic"] for birth in life.births(CUT)} == {STATE}


def test_tck_id_operational_behavior_host_application_connect_birth_payload(life: Life) -> None:
    assert life.births(CUT)[0]["payload"] == b'{"online":true,"timestamp":%d}' % life.will(CUT)["timestamp"]


def test_tck_id_operational_behavior_host_application_connect_birth_qos(life: Life) -> None:
    assert {birth["qos"] for birth in life.births(CUT)} == {1}


def test_tck_id_operational_behavior_host_application_connect_birth_retained(life: Life) -> None:
    assert {birth["retain"] for birth in life.births(CUT)} == {True}


def test_tck_id_operational_behavior_host_application_termination(life: Life) -> None:
    assert life.states(CLEAN)[-1]["online"] is False


def test_tck_id_operational_behavior_host_application_death_topic(life: Life) -> None:
    assert {death["topic"] for death in life.deaths(CLEAN)} == {STATE}


def test_tck_id_operational_behavior_host_application_death_payload(life: Life) -> None:
    (death,) = life.deaths(CLEAN)
    assert orjson.loads(death["payload"]) == {"online": False, "timestamp": death["timestamp"]}


def test_tck_id_operational_behavior_host_application_death_qos(life: Life) -> None:
    assert {death["qos"] for death in life.deaths(CLEAN)} == {1}


def test_tck_id_operational_behavior_host_application_death_retained(life: Life) -> None:
    assert {death["retain"] for death in life.deaths(CLEAN)} == {True}


def test_tck_id_operational_behavior_host_application_disconnect_intentional(life: Life) -> None:
    assert life.order(CLEAN)[-2:] == ["state", "disconnect"]
    assert "disconnect" not in life.order(CUT)


def test_tck_id_payloads_state_will_message(life: Life) -> None:
    assert life.will(CLEAN)["topic"] == life.will(CUT)["topic"] == STATE


def test_tck_id_payloads_state_will_message_qos(life: Life) -> None:
    assert [life.will(link)["qos"] for link in (CLEAN, CUT)] == [1, 1]


def test_tck_id_payloads_state_will_message_retain(life: Life) -> None:
    assert [life.will(link)["retain"] for link in (CLEAN, CUT)] == [True, True]


def test_tck_id_payloads_state_will_message_payload(life: Life) -> None:
    assert life.will(CLEAN)["payload"] == b'{"online":false,"timestamp":%d}' % life.will(CLEAN)["timestamp"]


def test_tck_id_payloads_state_subscribe(life: Life) -> None:
    for link in (CLEAN, CUT):
        (subscribed,) = life.sent(SUBSCRIBE, link)
        assert (STATE, 1) in subscribed.said["topics"]


def test_tck_id_payloads_state_birth(life: Life) -> None:
    birth = life.births(CLEAN)[0]
    assert (birth["topic"], birth["qos"], birth["retain"]) == (STATE, 1, True)


def test_tck_id_payloads_state_birth_payload(life: Life) -> None:
    assert life.births(CLEAN)[0]["payload"] == b'{"online":true,"timestamp":%d}' % life.will()["timestamp"]


@pytest.mark.parametrize("link", [CLEAN, CUT])
def test_the_host_says_nothing_but_its_state_and_rebirth_commands(life: Life, link: int) -> None:
    assert set(life.order(link)) <= {"connect", "subscribe", "state", "command", "disconnect"}
    for said, _ in life.commands(link):
        assert said["topic"].split("/")[2] == "NCMD"
