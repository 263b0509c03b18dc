"""Addresses nobody mapped: mapping one, or deciding that it is not wanted."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from connectors import selectors, services
from connectors.forms import SignalForm
from connectors.models import Connection, SignalDefinition, UnmappedAddress
from connectors.selectors.unmapped import unmapped_of
from connectors.views.edit import machines_of
from connectors.views.trust import grouped
from plant.access import actor_of, require

MOST_SHOWN = 100
SIGNAL = ("equipment", "role", "unit", "value_type", "name_en", "name_fr")


@require_GET
@require("view")
def unmapped_list(request: HttpRequest, slug: str) -> HttpResponse:
    actor = actor_of(request)
    connection = get_object_or_404(selectors.connections_visible(actor), slug=slug)
    holding = request.GET.get("q", "").strip()[:100]
    found = unmapped_of(connection=connection, holding=holding)
    context = {
        "connection": connection,
        "rows": found.listed[:MOST_SHOWN],
        "count": len(found.listed),
        "left_out": max(len(found.listed) - MOST_SHOWN, 0),
        "ignored": found.ignored[:MOST_SHOWN],
        "ignored_left_out": max(len(found.ignored) - MOST_SHOWN, 0),
        "others": found.others,
        "holding": holding,
        "may_edit": actor.may("connection.edit", connection.site),
    }
    return render(request, "connectors/unmapped_list.html", context)


@require_POST
@require("connection.edit")
def unmapped_ignore(request: HttpRequest, slug: str) -> HttpResponse:
    actor = actor_of(request)
    connection = get_object_or_404(selectors.connections_visible(actor), slug=slug)
    addresses, why = request.POST.getlist("address"), request.POST.get("why", "")
    if "all" in request.POST and (holding := request.POST.get("q", "").strip()):
        addresses = [row.address for row in unmapped_of(connection=connection, holding=holding).listed]
    try:
        count = services.unmapped_ignore(
            connection=connection, addresses=addresses, why=why, by=actor, now=timezone.now()
        )
    except services.CannotIgnore as error:
        messages.error(request, str(error))
    else:
        said = ngettext(
            "%(count)d address is ignored: its values are counted and no longer kept.",
            "%(count)d addresses are ignored: their values are counted and no longer kept.",
            count,
        )
        messages.success(request, said.replace("%(count)d", grouped(count)))
    return redirect("connection_unmapped", slug=slug)


@require_POST
@require("connection.edit")
def unmapped_unignore(request: HttpRequest, slug: str) -> HttpResponse:
    actor = actor_of(request)
    connection = get_object_or_404(selectors.connections_visible(actor), slug=slug)
    addresses = request.POST.getlist("address")
    try:
        services.unmapped_unignore(connection=connection, addresses=addresses, by=actor, now=timezone.now())
    except services.CannotIgnore as error:
        messages.error(request, str(error))
    else:
        messages.success(request, _("No longer ignored: %(what)s.") % {"what": ", ".join(addresses)[:300]})
    return redirect("connection_unmapped", slug=slug)


@require_http_methods(["GET", "POST"])
@require("connection.edit")
def connection_map(request: HttpRequest, slug: str) -> HttpResponse:
    """What an address means, filled in as far as it is known."""
    actor = actor_of(request)
    connection: Connection = get_object_or_404(selectors.connections_visible(actor), slug=slug)
    actor.require("connection.edit", connection.site)
    address = request.POST.get("address") or request.GET.get("address", "")
    machines = [(place.pk, f"{place.code} · {place.name}") for place in machines_of(connection.site, actor)]
    known = SignalDefinition.objects.filter(connection=connection, address=address).values(*SIGNAL).first()
    form = SignalForm(request.POST or None, initial={"address": address, **(known or {})}, machines=machines)
    if request.method == "POST" and form.is_valid():
        data = dict(form.cleaned_data)
        fields = {**data, "equipment_id": data["equipment"]}
        del fields["equipment"]
        services.signals_save(connection=connection, signals=[fields], site=connection.site, by=actor)
        said = _("%(address)s is mapped. What came before is kept: read it again under unreadable messages.")
        messages.success(request, said % {"address": data["address"]})
        return redirect("connection_unmapped", slug=slug)
    seen = UnmappedAddress.objects.filter(connection=connection, address=address).exclude(address="").first()
    context = {"connection": connection, "form": form, "seen": seen, "address": address}
    return render(request, "connectors/connection_map.html", context)
