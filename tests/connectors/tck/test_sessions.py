"""What the host makes of nodes and devices that come, go and are named alike: messages in, facts out."""

from __future__ import annotations

import dataclasses

import pytest

from connectors.domain.sparkplug_messages import topic_parts
from connectors.interface import ConfigurationError
from connectors.protocols.sparkplug import SparkplugConfig, SparkplugConnector
from tests.connectors.test_sparkplug_session import RULES, SECOND, Played, message

NODE, DEVICE = "G/E:", "G/E/D:"


def born() -> Played:
    played = Played()
    played.feed("NBIRTH", 0, v=0, bdSeq=1)
    played.feed("DBIRTH", 1, "D", w=0)
    return played


def opened(played: Played) -> dict[str, float]:
    """Scope → seconds from now to when its values stopped being known; only scopes still open."""
    found = {}
    for gap in played.out.gaps:
        if gap.end_time is None:
            found[gap.scope] = gap.start_time.timestamp() - played.now / SECOND
        else:
            found.pop(gap.scope, None)
    return found


def died() -> Played:
    played = born()
    played.wait(60)
    played.feed("NDEATH", None, bdSeq=1)
    return played


def test_tck_id_operational_behavior_edge_node_termination_host_action_ndeath_node_offline() -> None:
    played = died()
    assert played.host.online() == []
    played.feed("NDATA", 2, v=1)
    assert played.values() == [0]


def test_tck_id_operational_behavior_edge_node_termination_host_action_ndeath_node_tags_stale() -> None:
    """Stale from when the host heard it: a will's own time is that of its CONNECT."""
    assert opened(died())[NODE] == pytest.approx(0, abs=0.001)


def test_tck_id_operational_behavior_edge_node_termination_host_action_ndeath_devices_offline() -> None:
    played = died()
    played.feed("NBIRTH", 0, v=1, bdSeq=2)
    played.feed("DDATA", 1, "D", w=1)
    assert played.values("G/E/D:w") == [0]


def test_tck_id_operational_behavior_edge_node_termination_host_action_ndeath_devices_tags_stale() -> None:
    assert opened(died())[DEVICE] == pytest.approx(0, abs=0.001)


def device_died() -> Played:
    """At the payload's time, ten seconds before it was heard."""
    played = born()
    played.wait(60)
    death = message("DDEATH", 2, played.now, "D")
    played.host.feed(dataclasses.replace(death, timestamp=death.timestamp - 10_000), played.out)
    return played


def test_tck_id_operational_behavior_edge_node_termination_host_action_ddeath_devices_offline() -> None:
    played = device_died()
    assert played.host.online() == ["G/E"]
    played.feed("DDATA", 3, "D", w=1)
    assert played.values("G/E/D:w") == [0]


def test_tck_id_operational_behavior_edge_node_termination_host_action_ddeath_devices_tags_stale() -> None:
    assert opened(device_died()) == {DEVICE: pytest.approx(-10, abs=0.001)}


def test_all_values_are_stale_when_the_broker_is_lost() -> None:
    """The one sentence of chapter 5 that has no id of its own."""
    played = born()
    played.host.transport_lost(played.now, played.out)
    assert set(opened(played)) == {NODE, DEVICE}


# -- names and topics ------------------------------------------------------------------------------------


def test_tck_id_topic_structure() -> None:
    assert topic_parts("spBv1.0/G/NDATA/E") == ("NDATA", "G", "E", "")
    assert topic_parts("spBv1.0/G/DDATA/E/D") == ("DDATA", "G", "E", "D")
    assert topic_parts("spBv1.0/G/DDATA/E/D/more") is None


def test_tck_id_topic_structure_namespace_a() -> None:
    assert topic_parts("spAv1.0/G/NDATA/E") is None


def test_tck_id_topic_structure_namespace_valid_group_id() -> None:
    for bad in ("a/b", "a+", "#"):
        with pytest.raises(ConfigurationError, match="group"):
            SparkplugConnector(SparkplugConfig(broker="mqtt://x", host_id="mom", group=bad))
    assert topic_parts("spBv1.0/Ligne é 1/NDATA/E") == ("NDATA", "Ligne é 1", "E", "")


def test_tck_id_topic_structure_namespace_valid_edge_node_id() -> None:
    assert topic_parts("spBv1.0/G/NDATA/") is None
    assert topic_parts("spBv1.0/G/NDATA/Four à pain") == ("NDATA", "G", "Four à pain", "")


def test_tck_id_topic_structure_namespace_valid_device_id() -> None:
    assert topic_parts("spBv1.0/G/DDATA/E/") is None
    assert topic_parts("spBv1.0/G/DDATA/E/Étuve 2") == ("DDATA", "G", "E", "Étuve 2")


def test_tck_id_topic_structure_namespace_device_id_associated_message_types() -> None:
    assert [topic_parts(f"spBv1.0/G/{kind}/E") for kind in ("DBIRTH", "DDATA", "DDEATH")] == [None] * 3


def test_tck_id_topic_structure_namespace_device_id_non_associated_message_types() -> None:
    assert [topic_parts(f"spBv1.0/G/{kind}/E/D") for kind in ("NBIRTH", "NDATA", "NDEATH")] == [None] * 3


def test_tck_id_topic_structure_namespace_duplicate_device_id_across_edge_node() -> None:
    """The same device under two nodes is two devices: one may die and the other live on."""
    played = born()
    for kind, seq in (("NBIRTH", 0), ("DBIRTH", 1)):
        other = message(kind, seq, played.now, "D" if kind == "DBIRTH" else "", w=5)
        played.host.feed(dataclasses.replace(other, node="F"), played.out)
    played.feed("DDEATH", 2, "D")
    said = message("DDATA", 2, played.now, "D", w=6)
    played.host.feed(dataclasses.replace(said, node="F"), played.out)
    assert played.values("G/F/D:w") == [5, 6]
    assert set(opened(played)) == {DEVICE}


def test_tck_id_case_sensitivity_metric_names() -> None:
    """Names that differ only by case are two metrics, and it is said that they should not be."""
    played = Played()
    played.feed("NBIRTH", 0, Speed=1, speed=2, bdSeq=1)
    assert (played.values("G/E:Speed"), played.values("G/E:speed")) == ([1], [2])
    assert [said for said in played.out.alarms if "case" in said] == [
        "G/E: names that differ only by case: Speed, speed"
    ]


def test_tck_id_case_sensitivity_sparkplug_ids() -> None:
    played = born()
    other = message("NBIRTH", 0, played.now, v=7, bdSeq=1)
    played.host.feed(dataclasses.replace(other, node="e"), played.out)
    assert (played.values("G/E:v"), played.values("G/e:v")) == ([0], [7])
    assert [said for said in played.out.alarms if "case" in said] == ["G/e: differs from G/E only by case"]


# -- order -----------------------------------------------------------------------------------------------


def test_tck_id_operational_behavior_host_reordering_param() -> None:
    for seconds in (0.5, 2.0, 7.25):
        made = SparkplugConnector(SparkplugConfig(broker="mqtt://x", host_id="mom", reorder_seconds=seconds))
        assert made._host.rules.reorder_timeout == seconds * SECOND


@pytest.mark.parametrize("seconds", [0.5, 2.0, 30.0])
def test_the_window_is_the_configured_one(seconds: float) -> None:
    rules = dataclasses.replace(RULES, reorder_timeout=int(seconds * SECOND))
    played = Played(rules)
    played.feed("NBIRTH", 0, v=0, bdSeq=1)
    played.feed("NDATA", 2, v=2)
    played.wait(seconds * 0.99 - 0.002)
    assert played.out.rebirths == []
    played.wait(seconds * 0.02)
    assert [rebirth.reason for rebirth in played.out.rebirths] == ["seq jump: expected 1, got 2"]
