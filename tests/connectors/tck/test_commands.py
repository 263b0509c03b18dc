"""The one command this host sends: a request for births, when order or names were lost."""

from __future__ import annotations

import time
from typing import Any

from connectors.protocols.sparkplug.codec import BOOLEAN
from tests.connectors.tck.life import REORDER, Life

NCMD = "spBv1.0/G/NCMD/E"


def command(life: Life) -> tuple[dict[str, Any], Any]:
    return life.commands()[0]


def test_tck_id_topics_ncmd_topic(life: Life) -> None:
    assert {said["topic"] for said, _ in life.commands()} == {NCMD}


def test_tck_id_topics_ncmd_mqtt(life: Life) -> None:
    assert [(said["qos"], said["retain"]) for said, _ in life.commands()] == [(0, False)] * len(
        life.commands()
    )


def test_tck_id_topics_ncmd_timestamp(life: Life) -> None:
    assert command(life)[1].HasField("timestamp")


def test_tck_id_topics_ncmd_payload(life: Life) -> None:
    assert [metric.name for metric in command(life)[1].metrics] == ["Node Control/Rebirth"]


def test_tck_id_payloads_ncmd_timestamp(life: Life) -> None:
    """The time of publishing, not of the message that led to it."""
    assert life.stamps["started"] < command(life)[1].timestamp < life.stamps["stopping"]


def test_tck_id_payloads_timestamp_in_utc(life: Life) -> None:
    """Milliseconds since 1970 in UTC, wherever the host stands."""
    assert abs(command(life)[1].timestamp / 1000 - time.time()) < 3600


def test_tck_id_payloads_metric_timestamp_in_utc(life: Life) -> None:
    assert command(life)[1].metrics[0].timestamp == command(life)[1].timestamp


def test_tck_id_payloads_name_cmd_requirement(life: Life) -> None:
    assert command(life)[1].metrics[0].HasField("timestamp")


def test_tck_id_payloads_ncmd_seq(life: Life) -> None:
    assert not any(read.HasField("seq") for _, read in life.commands())


def test_tck_id_payloads_ncmd_qos(life: Life) -> None:
    assert {said["qos"] for said, _ in life.commands()} == {0}


def test_tck_id_payloads_ncmd_retain(life: Life) -> None:
    assert not any(said["retain"] for said, _ in life.commands())
    assert not [heard for heard in life.heard if heard.topic == NCMD and heard.retain]


def test_tck_id_payloads_alias_data_cmd_requirement(life: Life) -> None:
    """Rebirth never has an alias (rebirth-name-aliases): it is named, and nothing else."""
    (metric,) = command(life)[1].metrics
    assert metric.name
    assert not metric.HasField("alias")


def test_tck_id_payloads_metric_datatype_not_req(life: Life) -> None:
    """A SHOULD NOT we leave on purpose: several edges decode a command by its datatype and would not hear one
    without. What is said is right.
    """
    assert command(life)[1].metrics[0].datatype == BOOLEAN


def test_tck_id_operational_behavior_data_commands_ncmd_verb(life: Life) -> None:
    assert all(said["topic"].split("/")[2] == "NCMD" for said, _ in life.commands())


def test_tck_id_operational_behavior_data_commands_ncmd_metric_name(life: Life) -> None:
    """The name stood in the NBIRTH of the node it was sent to."""
    births = [heard for heard in life.heard if heard.topic == "spBv1.0/G/NBIRTH/E"]
    assert b"Node Control/Rebirth" in births[0].payload
    assert births[0].at < life.stamps["asked"]


def test_tck_id_operational_behavior_data_commands_ncmd_metric_value(life: Life) -> None:
    assert command(life)[1].metrics[0].WhichOneof("value") == "boolean_value"


def test_tck_id_operational_behavior_data_commands_ncmd_rebirth_verb(life: Life) -> None:
    assert [heard for heard in life.heard if heard.topic == NCMD]


def test_tck_id_operational_behavior_data_commands_ncmd_rebirth_name(life: Life) -> None:
    assert {metric.name for _, read in life.commands() for metric in read.metrics} == {"Node Control/Rebirth"}


def test_tck_id_operational_behavior_data_commands_ncmd_rebirth_value(life: Life) -> None:
    assert all(metric.boolean_value is True for _, read in life.commands() for metric in read.metrics)


# -- order -----------------------------------------------------------------------------------------------


def test_tck_id_operational_behavior_host_reordering_start(life: Life) -> None:
    """One message withheld: nothing is asked before the window is over."""
    assert life.stamps["asked"] - life.stamps["jumped"] >= 0.9 * REORDER


def test_tck_id_operational_behavior_host_reordering_rebirth(life: Life) -> None:
    """... and within twice the reorder time the births are."""
    assert life.stamps["asked"] - life.stamps["jumped"] <= 2 * REORDER
    assert ("seq_jump", False) in life.gaps


def test_tck_id_operational_behavior_host_reordering_success(life: Life) -> None:
    """The missing message came after half the reorder time: none asked, order restored, nothing declared."""
    assert (life.stamps["asked late"], life.stamps["jumps late"]) == (0, 0)
    assert life.values[-2:] == [4, 5]
