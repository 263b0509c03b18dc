"""Alarms and conditions (OPC UA Part 9) as values: ``condition=<ConditionName>;<address of its source>``.

A value reads ``name:raised:severity:message``, or ``acknowledged``, or ``cleared``: what the alarm role
understands, with the server's own words behind.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from asyncua import ua

from connectors.domain.columns import Columns, micros
from connectors.protocols.opcua.values import address_of, aware, node_id

SERVER = ua.NodeId(ua.Int32(ua.ObjectIds.Server))
CONDITIONS = ua.NodeId(ua.Int32(ua.ObjectIds.ConditionType))
REFRESH = ua.NodeId(ua.Int32(ua.ObjectIds.ConditionType_ConditionRefresh))
REFRESH_STARTS = ua.NodeId(ua.Int32(ua.ObjectIds.RefreshStartEventType))
REFRESH_ENDS = ua.NodeId(ua.Int32(ua.ObjectIds.RefreshEndEventType))
# Part 9 §5.11.4: what the server told may be wrong until it is asked again
REFRESH_REQUIRED = ua.NodeId(ua.Int32(ua.ObjectIds.RefreshRequiredEventType))
QUEUE_OVERFLOWED = ua.NodeId(ua.Int32(ua.ObjectIds.EventQueueOverflowEventType))
BASE, ACKNOWLEDGEABLE, ALARM = (
    ua.ObjectIds.BaseEventType,
    ua.ObjectIds.AcknowledgeableConditionType,
    ua.ObjectIds.AlarmConditionType,
)
FIELDS = (
    ("EventType", BASE),
    ("SourceNode", BASE),
    ("Time", BASE),
    ("Message", BASE),
    ("Severity", BASE),
    ("ConditionName", ua.ObjectIds.ConditionType),
    ("BranchId", ua.ObjectIds.ConditionType),
    ("Retain", ua.ObjectIds.ConditionType),
    ("AckedState/Id", ACKNOWLEDGEABLE),
    ("ActiveState/Id", ALARM),
)
MOST_TEXT = 500
# Of a condition's name: an address holds no more
MOST_NAME = 300


class Overflowed(Exception):
    """The server's queue of events overflowed."""


def condition_address(name: str, source: str) -> str:
    return f"condition={name};{source}"


class Conditions:
    """``wanted``: (condition name, source) → address."""

    def __init__(self, wanted: dict[tuple[str, str], str]) -> None:
        self.wanted = wanted
        self.sources = {source for _, source in wanted}
        # By our handle: the source whose conditions alone come by it, "" all
        self.scopes: dict[int, str] = {}
        self.refresh_due = False
        self._refreshed: dict[int, set[str]] = {}

    @property
    def addresses(self) -> Iterable[str]:
        return self.wanted.values()

    def notifiers(self, namespaces: list[str]) -> list[tuple[str, ua.NodeId]]:
        """The server, which tells of everything, and the sources, where a server only tells it there.

        Each with its scope.
        """
        found = [(source, node_id(source, namespaces)) for source in sorted(self.sources)]
        return [("", SERVER), *((source, node) for source, node in found if node is not None)]

    def hear(
        self, values: list[Any], namespaces: list[str], into: Columns, arrival: int, handle: int = 0
    ) -> None:
        """One event of the monitored item of that handle. Raises Overflowed.

        A condition nobody named, of a source somebody did, comes under its own address and is set aside.
        """
        event = dict(zip((name for name, _ in FIELDS), (value.Value for value in values), strict=False))
        at = event.get("Time")
        when = micros(aware(at)) if isinstance(at, datetime) and at.year >= 1980 else arrival
        kind = event.get("EventType")
        if kind == QUEUE_OVERFLOWED:
            self.refresh_due = True
            raise Overflowed
        if kind == REFRESH_REQUIRED:
            self.refresh_due = True
        elif kind == REFRESH_STARTS:
            self._refreshed[handle] = set()
        elif kind == REFRESH_ENDS:
            self._clear_others(handle, into, when, arrival)
        elif event.get("ConditionName") and _is_null(event.get("BranchId")):
            self._condition(event, namespaces, into, when, arrival)

    def _condition(
        self, event: dict[str, Any], namespaces: list[str], into: Columns, when: int, arrival: int
    ) -> None:
        node = event.get("SourceNode")
        if not isinstance(node, ua.NodeId) or node.NamespaceIndex >= len(namespaces):
            return
        source, name = address_of(node, namespaces), str(event["ConditionName"])[:MOST_NAME]
        if source not in self.sources:
            return
        address = self.wanted.get((name, source), condition_address(name, source))
        for refreshed in self._refreshed.values():
            refreshed.add(address)
        into.add(address, spelled(name, event), source_time=when, arrival_time=arrival)

    def _clear_others(self, handle: int, into: Columns, when: int, arrival: int) -> None:
        """Every condition that matters was told of: what was not is over. A source tells of its own alone."""
        refreshed, scope = self._refreshed.pop(handle, None), self.scopes.get(handle, "")
        if refreshed is None:
            return
        for (name, source), address in sorted(self.wanted.items()):
            if address not in refreshed and scope in ("", source):
                into.add(address, f"{_one_word(name)}:cleared", source_time=when, arrival_time=arrival)


def spelled(name: str, event: dict[str, Any]) -> str:
    """Acknowledged comes only while it is active: once cleared it is over for production."""
    active, acked = event.get("ActiveState/Id"), event.get("AckedState/Id")
    if active is None:
        active = event.get("Retain")
    word = "cleared" if not active else "acknowledged" if acked else "raised"
    message = event.get("Message")
    text = (message.Text if isinstance(message, ua.LocalizedText) else message) or ""
    severity = event.get("Severity")
    told = "" if severity is None else severity
    return f"{_one_word(name)}:{word}:{told}:{str(text)[:MOST_TEXT]}"[:MOST_TEXT]


def _one_word(name: str) -> str:
    return name.replace(":", " ")


def _is_null(node: Any) -> bool:
    return node is None or (isinstance(node, ua.NodeId) and node.is_null())


def event_request(node: ua.NodeId, handle: int, queue: int) -> ua.MonitoredItemCreateRequest:
    """No condition on the server's side: few servers evaluate one, and some wrongly."""
    clauses = [
        ua.SimpleAttributeOperand(
            TypeDefinitionId=ua.NodeId(ua.Int32(kind)),
            BrowsePath=[ua.QualifiedName(step) for step in name.split("/")],
            AttributeId=ua.AttributeIds.Value,
        )
        for name, kind in FIELDS
    ]
    return ua.MonitoredItemCreateRequest(
        ItemToMonitor=ua.ReadValueId(NodeId=node, AttributeId=ua.AttributeIds.EventNotifier),
        MonitoringMode=ua.MonitoringMode.Reporting,
        RequestedParameters=ua.MonitoringParameters(
            ClientHandle=handle,
            SamplingInterval=0,
            QueueSize=queue,
            DiscardOldest=True,
            Filter=ua.EventFilter(SelectClauses=clauses),
        ),
    )


def refresh_request(subscription: int) -> ua.CallMethodRequest:
    return ua.CallMethodRequest(
        ObjectId=CONDITIONS,
        MethodId=REFRESH,
        InputArguments=[ua.Variant(subscription, ua.VariantType.UInt32)],
    )
