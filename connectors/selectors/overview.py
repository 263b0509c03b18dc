"""Connections as their page shows them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Count, Q, Sum

from connectors.domain.state_map import UNKNOWN, state_of
from connectors.models import Connection, QuarantinedMessage, SignalDefinition
from connectors.selectors.before import last_samples_before
from connectors.selectors.completeness import Freshness, connection_freshness, gaps_visible
from connectors.selectors.samples import SampleRow
from connectors.selectors.signals import connections_visible, signals_visible, state_map_of
from plant.access import Actor
from plant.domain.samples import Value


@dataclass(frozen=True, slots=True)
class ConnectionRow:
    """``fresh`` None: the connection is switched off. ``unread`` counts messages, not rows."""

    connection: Connection
    fresh: Freshness | None
    signals: int
    open_gaps: int
    unread: int


def connection_rows(*, actor: Actor, now: datetime) -> list[ConnectionRow]:
    """Every connection the actor may see, with the age of its last sample, open gaps and unreadable
    messages.
    """
    fresh = {item.slug: item for item in connection_freshness(now=now)}
    gaps = dict(
        gaps_visible(actor)
        .filter(end_time__isnull=True)
        .order_by()
        .values_list("connection_id")
        .annotate(Count("key", distinct=True))
    )
    unread = dict(
        QuarantinedMessage.objects.filter(status=QuarantinedMessage.Status.OPEN)
        .order_by()
        .values_list("connection_id")
        .annotate(Sum("count"))
    )
    return [
        ConnectionRow(
            connection=connection,
            fresh=fresh.get(connection.slug),
            signals=connection.signal_count,  # type: ignore[attr-defined]
            open_gaps=gaps.get(connection.pk, 0),
            unread=unread.get(connection.pk, 0),
        )
        for connection in connections_visible(actor).annotate(signal_count=Count("signals"))
    ]


@dataclass(frozen=True, slots=True)
class SignalRow:
    """``state`` is "" for signals that are no state."""

    signal: SignalDefinition
    last: SampleRow | None
    state: str


def signal_rows(*, connection: Connection, actor: Actor, now: datetime) -> list[SignalRow]:
    """The connection's signals of machines the actor may see, with their last value and what it means."""
    signals = list(signals_visible(actor).filter(connection=connection).order_by("equipment", "role"))
    last = last_samples_before(signal_ids=[signal.pk for signal in signals], at=now + timedelta(minutes=5))
    return [
        SignalRow(
            signal, last.get(signal.pk), _state(signal, last[signal.pk].value) if signal.pk in last else ""
        )
        for signal in signals
    ]


def _state(signal: SignalDefinition, value: Value) -> str:
    if signal.role != SignalDefinition.Role.STATE:
        return ""
    return state_of(value, state_map_of(signal))


def unread_of(
    *, connection: Connection, only_open: bool = True, limit: int = 200
) -> list[QuarantinedMessage]:
    """The latest unreadable messages of a connection."""
    wanted = Q(connection=connection)
    if only_open:
        wanted &= Q(status=QuarantinedMessage.Status.OPEN)
    return list(QuarantinedMessage.objects.filter(wanted)[:limit])


__all__ = ["UNKNOWN", "ConnectionRow", "SignalRow", "connection_rows", "signal_rows", "unread_of"]
