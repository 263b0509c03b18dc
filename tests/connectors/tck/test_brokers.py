"""Several brokers at once, and several hosts under one id."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from pathlib import Path

import orjson
import pytest

from connectors.domain.notices import STANDBY
from tests.connectors.edge import Edge, payload
from tests.connectors.peers import Mosquitto, mosquitto
from tests.connectors.tck.life import Ear, until
from tests.connectors.tck.wire import CONNECT, PUBLISH, Tap
from tests.connectors.test_sparkplug import Following, connector


@pytest.fixture(scope="module")
def other_broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mosquitto]:
    folder: Path = tmp_path_factory.mktemp("other")
    with mosquitto(folder) as running:
        yield running


class Two:
    """A host on two brokers, each heard through a tap and by an ear."""

    def __init__(self, one: Mosquitto, two: Mosquitto, host_id: str) -> None:
        self.ports = (one.port, two.port)
        self.taps = (Tap(one.port), Tap(two.port))
        for tap in self.taps:
            tap.__enter__()
        self.topic = f"spBv1.0/STATE/{host_id}"
        self.ears = [Ear(port, "spBv1.0/#") for port in self.ports]
        addresses = ("G/E1:State", "G/E2:State")
        further = (self.taps[1].url,)
        self.following = Following(
            connector(self.taps[0], host_id=host_id, further_brokers=further, addresses=addresses)
        )

    def online(self, number: int) -> list[bool]:
        return [state["online"] for state in self.ears[number].states(self.topic)]

    def back(self, number: int) -> bool:
        """Online again after its will was told."""
        said = self.online(number)
        return False in said and said[-1]

    async def up(self) -> None:
        await until(lambda: all(self.online(number)[-1:] == [True] for number in (0, 1)))

    async def stop(self) -> None:
        await self.following.stop()
        for ear in self.ears:
            ear.stop()
        for tap in self.taps:
            tap.__exit__()


def edge(port: int, name: str, state: int, bd_seq: int = 0) -> Edge:
    made = Edge("127.0.0.1", port, "G", name, {"State": state}, bd_seq=bd_seq)
    made.birth()
    return made


def gaps(following: Following) -> dict[str, str]:
    """Scope → cause of the gaps still open."""
    found: dict[str, str] = {}
    for gap in (gap for batch in following.batches for gap in batch.gaps):
        if gap.end_time is None:
            found[gap.scope] = gap.cause
        else:
            found.pop(gap.scope, None)
    return found


async def test_tck_id_operational_behavior_primary_application_state_with_multiple_servers_state(
    tck_broker: Mosquitto, other_broker: Mosquitto
) -> None:
    """On every broker, and at every new session, the birth is the first thing published."""
    two = Two(tck_broker, other_broker, "first")
    await two.up()
    two.taps[1].cut()
    await until(lambda: two.back(1))
    await two.stop()
    for tap in two.taps:
        for link in {packet.link for packet in tap.packets}:
            published = [p for p in tap.packets if p.kind == PUBLISH and p.link == link]
            assert published[0].said["topic"] == two.topic
            assert b'"online":true' in published[0].said["payload"]


async def test_tck_id_operational_behavior_host_application_multi_server_timestamp(
    tck_broker: Mosquitto, other_broker: Mosquitto
) -> None:
    """One timestamp per broker: a new session on one of them leaves the other's as it was."""
    two = Two(tck_broker, other_broker, "stamps")
    await two.up()
    two.taps[1].cut()
    await until(lambda: two.back(1))
    first, second = ([s for s in ear.states(two.topic) if s["online"]] for ear in two.ears)
    await two.stop()
    assert len({state["timestamp"] for state in first}) == 1
    assert len({state["timestamp"] for state in second}) == 2
    wills = [p.said["will"]["payload"] for p in two.taps[1].packets if p.kind == CONNECT]
    assert len(set(wills)) == 2


async def test_tck_id_operational_behavior_primary_application_state_with_multiple_servers_state_subs(
    tck_broker: Mosquitto, other_broker: Mosquitto
) -> None:
    """Edges on either broker find the host there; one that changes over takes its session along."""
    two = Two(tck_broker, other_broker, "subs")
    await two.up()
    one, other = edge(two.ports[0], "E1", 1), edge(two.ports[1], "E2", 2)
    await two.following.until(lambda: {"G/E1:State", "G/E2:State"} <= heard(two.following).keys())
    one.die()
    await two.following.until(lambda: "G/E1:" in gaps(two.following))
    moved = edge(two.ports[1], "E1", 3, bd_seq=1)
    await two.following.until(lambda: heard(two.following)["G/E1:State"] == 3)
    assert gaps(two.following) == {}
    # The will of the session it left, late: not this session's death
    two.ears[0].client.publish("spBv1.0/G/NDEATH/E1", payload({"bdSeq": 0}, seq=None)).wait_for_publish(5)
    moved.send({"State": 4})
    await two.following.until(lambda: heard(two.following)["G/E1:State"] == 4)
    assert gaps(two.following) == {}
    moved.stop()
    other.stop()
    await two.stop()


def heard(following: Following) -> dict[str, object]:
    return {s.address: s.value for batch in following.batches for s in batch.samples}


async def test_a_lost_broker_takes_only_its_own_nodes_along(
    tck_broker: Mosquitto, other_broker: Mosquitto
) -> None:
    two = Two(tck_broker, other_broker, "lost")
    await two.up()
    one, other = edge(two.ports[0], "E1", 1), edge(two.ports[1], "E2", 2)
    await two.following.until(lambda: {"G/E1:State", "G/E2:State"} <= heard(two.following).keys())
    two.taps[1].cut()
    await two.following.until(lambda: gaps(two.following) == {"G/E2:": "connection_down"})
    one.send({"State": 5})
    await two.following.until(lambda: heard(two.following)["G/E1:State"] == 5)
    await until(lambda: other.rebirth_wanted)
    other.birth()
    await two.following.until(lambda: gaps(two.following) == {})
    for made in (one, other):
        made.stop()
    await two.stop()


async def test_tck_id_operational_behavior_host_application_host_id(tck_broker: Mosquitto) -> None:
    """Two hosts of one id: the newer stays, the older steps back without a word and returns at its death."""
    ear = Ear(tck_broker.port, "spBv1.0/#")
    topic = "spBv1.0/STATE/twin"
    first = Following(connector(tck_broker, host_id="twin"))
    await until(lambda: ear.states(topic))
    made = edge(tck_broker.port, "T", 1)
    await first.until(lambda: heard(first).get("G/T:State") == 1)
    second = Following(connector(tck_broker, host_id="twin", cooldown_seconds=0.05))
    await first.until(lambda: STANDBY in kinds(first))
    made.birth()
    await second.until(lambda: heard(second).get("G/T:State") == 1)
    assert [state["online"] for state in ear.states(topic)] == [True, True]
    asked = len(ear.on("spBv1.0/G/NCMD/T"))
    made.send({"State": 2}, lose=True)
    made.send({"State": 3})
    await until(lambda: len(ear.on("spBv1.0/G/NCMD/T")) > asked)
    assert heard(first)["G/T:State"] == 1
    await second.stop()
    # Its will may follow the farewell, where the connection closed before it said so
    await until(lambda: again([state["online"] for state in ear.states(topic)][2:]))
    made.birth()
    await first.until(lambda: heard(first)["G/T:State"] == 3)
    assert len({state["timestamp"] for state in ear.states(topic) if state["online"]}) == 3
    await asyncio.gather(first.stop())
    made.stop()
    ear.stop()


async def test_a_host_that_stands_by_is_the_host_where_no_broker_knows_another(
    tck_broker: Mosquitto, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A broker that lost what it retained never tells of the other's death."""
    monkeypatch.setattr("connectors.protocols.sparkplug.link.RETAINED_WITHIN", 0.5)
    ear = Ear(tck_broker.port, "spBv1.0/STATE/#")
    made = connector(tck_broker, host_id="forgotten")
    made._links[0].standing_by = True
    following = Following(made)
    await until(lambda: ear.states("spBv1.0/STATE/forgotten"))
    assert ear.states("spBv1.0/STATE/forgotten")[0]["online"]
    await following.stop()
    ear.stop()


async def test_a_host_whose_clock_was_put_back_is_born_later_than_it_died(tck_broker: Mosquitto) -> None:
    """Edges take no STATE older than the last (tck-id-...-termination-host-offline-timestamp)."""
    topic, later = "spBv1.0/STATE/past", int(time.time() * 1000) + 3_600_000
    ear = Ear(tck_broker.port, "spBv1.0/STATE/#")
    death = orjson.dumps({"online": False, "timestamp": later})
    ear.client.publish(topic, death, qos=1, retain=True).wait_for_publish(30)
    await until(lambda: ear.states(topic))
    made = connector(tck_broker, host_id="past")
    first = Following(made)
    await asyncio.wait({first.task}, timeout=30)
    second = Following(made)
    await until(lambda: any(state["online"] and state["timestamp"] > later for state in ear.states(topic)))
    await second.stop()
    await until(lambda: not ear.states(topic)[-1]["online"])
    assert ear.states(topic)[-1]["timestamp"] > later
    ear.stop()


def again(said: list[bool]) -> bool:
    """Online once more, after nothing but offline."""
    return said[:1] == [False] and said[-1] and said == sorted(said)


def kinds(following: Following) -> list[str]:
    return [notice.kind for batch in following.batches for notice in batch.notices if not notice.scope]
