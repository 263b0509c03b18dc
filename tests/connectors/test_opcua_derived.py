"""What no single node holds: the state of PackML's nested machines, alarms as conditions."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import Any
from unittest import mock

import pytest
from asyncua import Server, ua
from asyncua.common.node import Node

from connectors.domain.columns import Columns
from connectors.interface import ConfigurationError
from connectors.protocols.opcua import OpcUaConfig, OpcUaConnector, connector
from connectors.protocols.opcua.conditions import FIELDS, Conditions, spelled
from connectors.protocols.opcua.derived import Derived, derived
from connectors.protocols.opcua.items import Items
from connectors.protocols.opcua.packml import Nested
from connectors.protocols.opcua.receiving import Receiving
from plant.domain.samples import Quality
from production.domain.tracks import alarm_of
from tests.connectors.peers import NAMESPACE, free_port, opcua_server, values
from tests.connectors.test_opcua_items import running, subscription

MACHINE = f"nsu={NAMESPACE};s=Filler"
PACKML = f"packml;{MACHINE}"
HOT, OPEN = f"condition=Too hot;{MACHINE}", f"condition=Door: open;{MACHINE}"
STATES = (("Cleared", "Aborting", "Aborted"), ("Running", "Stopped"), ("Idle", "Execute"))
NESTED = ("BaseStateMachine", "MachineState", "ExecuteState")


def connected(port: int, *addresses: str) -> OpcUaConnector:
    settings: dict[str, Any] = {"security": "none", "publishing_ms": 50.0, "sampling_ms": 10.0}
    return OpcUaConnector(
        OpcUaConfig(endpoint=f"opc.tcp://127.0.0.1:{port}/", addresses=addresses, **settings)
    )


def test_addresses_of_what_no_node_holds() -> None:
    assert derived(PACKML) == Derived("packml", MACHINE, "")
    assert derived(OPEN) == Derived("condition", MACHINE, "Door: open")
    assert derived("condition=a;b;i=7") == Derived("condition", "i=7", "a;b")
    assert derived(MACHINE) is None
    with pytest.raises(ConfigurationError):
        connected(1, "packml;Filler")


class Machine:
    """OPC 30050's nested machines, their states named by nodes, as a server of the companion has them."""

    def __init__(self, server: Server, index: int) -> None:
        self.server, self.index = server, index
        self.current: list[Node] = []
        self.ids: list[Node] = []
        self.states: dict[str, ua.NodeId] = {}

    async def make(self, *, with_ids: bool) -> None:
        above = await self.server.nodes.objects.add_object(
            ua.NodeId.from_string(f"ns={self.index};s=Filler"), ua.QualifiedName("Filler", self.index)
        )
        for level, name in enumerate(NESTED):
            above = await above.add_object(self.index, name)
            text = ua.Variant(ua.LocalizedText(""), ua.VariantType.LocalizedText)
            self.current.append(await above.add_variable(0, "CurrentState", text))
            if not with_ids:
                continue
            null = ua.Variant(ua.NodeId(), ua.VariantType.NodeId)
            self.ids.append(await self.current[-1].add_property(0, "Id", null))
            for state in STATES[level]:
                made = await above.add_object(self.index, state)
                self.states[state] = made.nodeid

    async def say(self, *names: str | None) -> None:
        """One name for each level, None for one that is not active; all at one instant."""
        at: Any = datetime.now(UTC)
        bad = ua.StatusCode(ua.UInt32(ua.StatusCodes.BadStateNotActive))
        for level, name in enumerate(names):
            text = ua.Variant(ua.LocalizedText(_in_french(name or "")), ua.VariantType.LocalizedText)
            node = ua.Variant(self.states.get(name or "", ua.NodeId()), ua.VariantType.NodeId)
            for place, value in ((self.current, text), (self.ids, node)):
                if place:
                    status = ua.StatusCode() if name else bad
                    data = ua.DataValue(value, StatusCode=status, SourceTimestamp=at)
                    await self.server.write_attribute_value(place[level].nodeid, data)


def _in_french(name: str) -> str:
    return {"Execute": "Exécution"}.get(name, name)


@pytest.mark.parametrize("with_ids", [True, False], ids=["by the state's node", "by its text"])
async def test_nested_machines_are_one_state(with_ids: bool) -> None:
    port = free_port()
    async with opcua_server(port, {}) as server:
        machine = Machine(server, 2)
        await machine.make(with_ids=with_ids)
        await machine.say("Cleared", "Stopped", None)
        async with running(connected(port, PACKML)) as follower:

            def told() -> list[Any]:
                return values(follower.batches, PACKML)

            await follower.until(lambda: told() == ["Stopped"])
            for names in (
                ("Cleared", "Running", "Idle"),
                ("Cleared", "Running", "Execute"),
                ("Aborting", None, None),
                ("Aborted", None, None),
            ):
                await machine.say(*names)
                await asyncio.sleep(0.01)
            await follower.until(lambda: told()[-1:] == ["Aborted"])
            await machine.say(None, None, None)
            await follower.until(lambda: told()[-1] is None)
    execute = "Execute" if with_ids else "Exécution"
    assert told() == ["Stopped", "Idle", execute, "Aborting", "Aborted", None]
    last = [sample for batch in follower.batches for sample in batch.samples][-1]
    assert last.quality == Quality.BAD


async def test_parts_of_a_machine_the_server_loses_are_watched_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connector, "VERIFY_EVERY", 0.2)
    port = free_port()
    async with opcua_server(port, {}) as server:
        machine = Machine(server, 2)
        await machine.make(with_ids=True)
        await machine.say("Cleared", "Running", "Idle")
        async with running(connected(port, PACKML)) as follower:
            await follower.until(lambda: values(follower.batches, PACKML) == ["Idle"])
            items = subscription(server)
            items.delete_monitored_items(
                [one.monitored_item_id for one in items._monitored_items.values() if one.client_handle > 1]
            )
            await follower.until(lambda: follower.gaps())
            await machine.say("Cleared", "Running", "Execute")
            await follower.until(lambda: values(follower.batches, PACKML)[-1:] == ["Execute"])
    assert {(gap.cause, gap.scope) for gap in follower.gaps()} == {("items_lost", PACKML)}


async def test_an_object_without_machines_is_told_by_the_probe() -> None:
    port = free_port()
    async with opcua_server(port, {}) as server:
        await server.nodes.objects.add_object(
            ua.NodeId.from_string("ns=2;s=Filler"), ua.QualifiedName("Filler", 2)
        )
        probe = await connected(port, PACKML).probe()
    assert [str(said) for said in probe.warnings] == [f"{PACKML}: not at this server"]


class Alarms:
    """Conditions of one machine, told by the machine itself."""

    def __init__(self, server: Server) -> None:
        self.server = server

    async def make(self) -> None:
        self.server.iserver.bind_condition_methods = 500
        await self.server.iserver.setup_condition_methods()
        objects = self.server.nodes.objects
        node = await objects.add_object(ua.NodeId.from_string("ns=2;s=Filler"), ua.QualifiedName("Filler", 2))
        kind = self.server.get_node(ua.ObjectIds.OffNormalAlarmType)
        self.generator = await self.server.get_event_generator(kind, node.nodeid)
        event = self.generator.event
        for name, value, type_ in (
            ("ConditionName", "", ua.VariantType.String),
            ("BranchId", ua.NodeId(), ua.VariantType.NodeId),
            ("Retain", True, ua.VariantType.Boolean),
            ("ActiveState/Id", True, ua.VariantType.Boolean),
            ("AckedState/Id", False, ua.VariantType.Boolean),
        ):
            event.add_property(name, value, type_)
        event.Severity = 700

    async def say(self, name: str, text: str, *, active: bool, acked: bool = False, branch: int = 0) -> None:
        event = self.generator.event
        event.ConditionName, event.Retain = name, active
        event.BranchId = ua.NodeId.from_string(f"ns=2;i={branch}") if branch else ua.NodeId()
        setattr(event, "ActiveState/Id", active)
        setattr(event, "AckedState/Id", acked)
        await self.generator.trigger(message=text)


async def test_conditions_are_alarms_with_their_text() -> None:
    port = free_port()
    async with opcua_server(port, {}) as server:
        alarms = Alarms(server)
        await alarms.make()
        async with running(connected(port, HOT, OPEN)) as follower:

            def told(address: str) -> list[Any]:
                return values(follower.batches, address)

            # Both are known to be clear as soon as the server has told which conditions stand
            await follower.until(lambda: told(HOT) and told(OPEN))
            await alarms.say("Too hot", "Température 93 °C", active=True)
            await alarms.say("Door: open", "Guard 3 is open", active=True)
            await alarms.say("Too hot", "earlier state", active=True, branch=5)
            await alarms.say("Too hot", "Température 93 °C", active=True, acked=True)
            await alarms.say("Unmapped", "nobody asked for it", active=True)
            await alarms.say("Too hot", "back to normal", active=False, acked=True)
            await follower.until(lambda: told(HOT)[-1:] == ["Too hot:cleared:700:back to normal"])
    assert told(HOT)[-3:] == [
        "Too hot:raised:700:Température 93 °C",
        "Too hot:acknowledged:700:Température 93 °C",
        "Too hot:cleared:700:back to normal",
    ]
    assert told(OPEN)[-1] == "Door  open:raised:700:Guard 3 is open"
    # Set aside with its address, for whoever wants to name it
    assert told(f"condition=Unmapped;{MACHINE}") == ["Unmapped:raised:700:nobody asked for it"]
    assert follower.gaps() == []


def test_a_condition_reads_as_an_alarm() -> None:
    event = {"ActiveState/Id": True, "AckedState/Id": False, "Severity": 700, "Message": "93 °C: too hot"}
    assert alarm_of(spelled("Too hot", event), HOT) == ("Too hot", False)
    assert alarm_of(spelled("Too hot", event | {"AckedState/Id": True}), HOT) == ("Too hot", True)
    assert alarm_of(spelled("Too hot", event | {"ActiveState/Id": False}), HOT) == ("", False)
    assert alarm_of(spelled("Active", {"Retain": True}), HOT) == ("Active", False)


def test_a_condition_of_endless_words_is_heard_by_the_first_of_them() -> None:
    endless = "x" * 1_000_000
    alone = Conditions({})
    alone.sources.add(MACHINE)
    event = {
        "SourceNode": ua.NodeId(ua.String("Filler"), ua.Int16(1)),
        "Message": endless,
        "ConditionName": endless,
        "ActiveState/Id": True,
    }
    into = Columns()
    fields = [ua.Variant(event.get(name)) for name, _ in FIELDS]
    alone.hear(fields, ["http://opcfoundation.org/UA/", NAMESPACE], into, 1)
    assert len(into) == 1
    assert len(into.addresses[0]) < 400
    assert len(str(into.value(0))) <= 500


def test_levels_of_one_instant_need_no_order_among_them() -> None:
    """A server without timestamps: all is of the instant it came, what ended and what began."""
    machine, columns = Nested(PACKML), Columns()
    for text in ("Cleared", None, "Cleared"):
        machine.hear("0.text", ua.DataValue(ua.Variant(text)), 1_000_000)
    machine.hear("1.text", ua.DataValue(ua.Variant("Stopped")), 1_000_000)
    machine.tell(columns, 1_000_000)
    assert [sample.value for sample in columns] == ["Stopped"]


def test_a_notification_that_breaks_its_reading_is_a_gap_and_what_follows_is_read() -> None:
    receiving = Receiving("x", Items(100.0, 10, addresses={7: "ns=2;s=a"}), 100)
    receiving.covered = datetime(2026, 11, 22, 8, tzinfo=UTC)
    item = ua.MonitoredItemNotification(ClientHandle=7, Value=ua.DataValue(ua.Variant(5)))
    said = ua.NotificationMessage(
        SequenceNumber=7, NotificationData=[ua.DataChangeNotification(MonitoredItems=[item])]
    )
    with mock.patch.object(Receiving, "_told", side_effect=KeyError("odd")):
        broken = receiving.batch(said)
    (gap,) = broken.gaps
    assert gap.start_time <= receiving.covered
    assert "notification 7 broke its reading: KeyError" in gap.detail
    assert [sample.value for sample in receiving.batch(said).samples] == [5]
