"""Making or changing a connection: test it, see live values and what they mean, then save."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from connectors import selectors, services
from connectors.domain.state_map import UNKNOWN, state_of
from connectors.forms import PREFIX, ConnectionForm
from connectors.interface import ConfigurationError, Probe, Unavailable
from connectors.models import Connection, SignalDefinition
from connectors.registry import connector_class, connectors
from connectors.transports.deadline import bounded
from plant.access import Actor, actor_of, require
from plant.domain.samples import Sample
from plant.selectors import line_work_units, lines, sites

PROBE_SECONDS = 25.0


@dataclass(frozen=True, slots=True)
class Seen:
    """A live value on the page: its number among the rows, what it means, and what it is mapped to
    already.
    """

    number: int
    sample: Sample
    state: str
    signal: SignalDefinition | None


@require_http_methods(["GET", "POST"])
@require("connection.edit")
def connection_new(request: HttpRequest, protocol: str) -> HttpResponse:
    if protocol not in connectors():
        raise Http404(_("No connector for this protocol."))
    return _edit(request, protocol, None)


@require_http_methods(["GET", "POST"])
@require("connection.edit")
def connection_edit(request: HttpRequest, slug: str) -> HttpResponse:
    actor = actor_of(request)
    connection = get_object_or_404(selectors.connections_visible(actor), slug=slug)
    actor.require("connection.edit", connection.site)
    return _edit(request, connection.protocol, connection)


def _edit(request: HttpRequest, protocol: str, connection: Connection | None) -> HttpResponse:
    actor = actor_of(request)
    places = {place.pk: place for place in sites() if actor.may("connection.edit", place)}
    form = ConnectionForm(
        request.POST or None,
        initial=_initial(connection),
        protocol=protocol,
        sites=[(pk, place.name or place.code) for pk, place in places.items()],
        fixed=connection is not None,
    )
    context: dict[str, Any] = {"form": form, "protocol": protocol, "connection": connection}
    if request.method == "POST" and form.is_valid():
        site = places[form.cleaned_data["site"]]
        if "save" in request.POST:
            saved = _save(request, form, protocol, site, actor)
            if saved is not None:
                return redirect("connection", slug=saved.slug)
        else:
            known = {signal.address: signal for signal in connection.signals.all()} if connection else {}
            context |= _tested(form, protocol, known)
            context |= {"roles": SignalDefinition.Role.choices, "machines": machines_of(site, actor)}
    return render(request, "connectors/connection_edit.html", context)


def _initial(connection: Connection | None) -> dict[str, Any]:
    if connection is None:
        return {}
    general = {
        name: getattr(connection, name) for name in ("slug", "name_en", "name_fr", "enabled", "state_map")
    }
    own = {PREFIX + name: value for name, value in connection.config.items()}
    return {**general, "site": connection.site_id, **own}


def _tested(form: ConnectionForm, protocol: str, known: dict[str, SignalDefinition]) -> dict[str, Any]:
    """Nothing is saved: a connection of its own, closed again after a few seconds."""
    addresses = tuple(dict.fromkeys([*known, *form.extra_addresses]))
    try:
        cls = connector_class(protocol)
        connector = cls(cls.config_class.from_mapping(form.config, addresses=addresses))
        probe: Probe = asyncio.run(_within(connector.probe()))
    except (ConfigurationError, Unavailable) as error:
        return {"failure": error.said(_)}
    table = form.cleaned_data["state_map"]
    rows = [
        Seen(number, sample, _state(sample, table, known.get(sample.address)), known.get(sample.address))
        for number, sample in enumerate(sorted(probe.samples, key=lambda sample: sample.address))
    ]
    warnings = [warning.said(_) for warning in probe.warnings]
    return {"probe": probe, "seen": rows, "warnings": warnings}


def machines_of(site: Any, actor: Actor) -> list[Any]:
    """The lines of a site, each followed by its machines."""
    found = [line for line in lines(actor) if line.path.startswith(site.path)]
    return [place for line in found for place in (line, *line_work_units(line.pk))]


async def _within(work: Any) -> Probe:
    try:
        found: Probe = await bounded(work, PROBE_SECONDS)
        return found
    except TimeoutError:
        message = _("no answer within %(seconds)s s") % {"seconds": f"{PROBE_SECONDS:g}"}
        raise Unavailable(message) from None


def _state(sample: Sample, table: dict[str, str], signal: SignalDefinition | None) -> str:
    """Shown for state signals, and wherever the table knows the value."""
    state = state_of(sample.value, (signal.state_map if signal else None) or table)
    is_state = signal is not None and signal.role == SignalDefinition.Role.STATE
    return state if is_state or state != UNKNOWN else ""


def _save(
    request: HttpRequest, form: ConnectionForm, protocol: str, site: Any, actor: Actor
) -> Connection | None:
    data = form.cleaned_data
    try:
        saved = services.connection_save(
            slug=data["slug"],
            protocol=protocol,
            config=form.config,
            site_id=site.pk,
            site=site,
            by=actor,
            name_en=data["name_en"],
            name_fr=data["name_fr"],
            state_map=data["state_map"],
            enabled=data["enabled"],
        )
    except ConfigurationError as error:
        form.add_error(None, error.said(_))
        return None
    chosen = _chosen(request, {place.pk for place in machines_of(site, actor)})
    if chosen:
        services.signals_save(connection=saved, signals=chosen, site=site, by=actor)
    return saved


def _chosen(request: HttpRequest, allowed: set[int]) -> list[dict[str, Any]]:
    """Rows of the test that were given a machine and a role."""
    chosen = []
    for name, address in request.POST.items():
        if not name.startswith("address-"):
            continue
        number = name.removeprefix("address-")
        equipment, role = request.POST.get(f"equipment-{number}", ""), request.POST.get(f"role-{number}", "")
        if equipment.isdecimal() and int(equipment) in allowed and role in SignalDefinition.Role.values:
            chosen.append({"address": str(address), "equipment_id": int(equipment), "role": role})
    return chosen
