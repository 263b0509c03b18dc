"""Work instructions: every version, who wrote it, since when; and the form of the next one."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.core.exceptions import ObjectDoesNotExist
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.dateparse import parse_datetime
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from mom.pages.lookup import lines_seen
from mom.pages.plain_text import html_of
from plant import selectors
from plant.access import actor_of, require
from production.domain.instruction import text_changes
from production.selectors.instructions import instruction_for_id, instruction_versions
from production.services.assertions import Refused
from production.services.instructions import LARGEST_IMAGE, Written, instruction_write

BOUND = {
    "product": "plant.MaterialDefinition",
    "segment": "production.OperationsSegment",
    "equipment_class": "plant.EquipmentClass",
    "owner": "plant.Department",
}
TEXTS = ("name_en", "name_fr", "text_en", "text_fr", "changed_en", "changed_fr")


@require_safe
@require("view")
def instructions(request: HttpRequest) -> HttpResponse:
    """One line per instruction, its newest version first, the earlier ones beneath."""
    found: dict[str, list[Any]] = {}
    for version in instruction_versions():
        found.setdefault(version.code, []).append(version)
    context = {
        "found": [(versions[0], versions[1:]) for versions in found.values()],
        "may_write": actor_of(request).may("order.plan"),
        "now": timezone.now(),
        "zone": _zone(request),
    }
    return render(request, "mom/instructions.html", context)


def _zone(request: HttpRequest) -> Any:
    lines = lines_seen(request)
    return selectors.site_zone(lines[0]) if lines else None


@require_safe
@require("view")
def instruction_version(request: HttpRequest, pk: int) -> HttpResponse:
    """One version as it is shown at the station, and what changed since the one before."""
    try:
        found = instruction_for_id(pk)
    except ObjectDoesNotExist:
        raise Http404(pk) from None
    before = next(
        (v for v in instruction_versions() if v.code == found.code and v.version == found.version - 1), None
    )
    context = {
        "found": found,
        "text": html_of(found.text),
        "before": before,
        "changes": text_changes(before.text, found.text) if before else [],
        "zone": _zone(request),
        "may_write": actor_of(request).may("order.plan"),
    }
    return render(request, "mom/instruction_version.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
@require("order.plan")
def instruction_new(request: HttpRequest) -> HttpResponse:
    """A new instruction, or the next version of one (``from``: the version it begins with)."""
    if request.method != "POST":
        return _form(request, _begun(request), "")
    try:
        made = instruction_write(written=_written(request), by=actor_of(request))
    except Refused as refusal:
        return _form(request, request.POST, str(refusal), status=422)
    return redirect("instruction_version", pk=made.pk)


def _begun(request: HttpRequest) -> dict[str, Any]:
    raw = request.GET.get("from", "")
    if not raw.isdecimal():
        return {}
    try:
        found = instruction_for_id(int(raw))
    except ObjectDoesNotExist:
        raise Http404(raw) from None
    begun = {name: getattr(found, name) for name in TEXTS[:4]} | {"code": found.code, "next": True}
    return begun | {name: str(getattr(found, f"{name}_id") or "") for name in BOUND}


def _form(request: HttpRequest, given: Any, message: str, status: int = 200) -> HttpResponse:
    rows = {name: list(selectors.configuration_rows(model)) for name, model in BOUND.items()}
    rows["product"] = [row for row in rows["product"] if getattr(row, "kind", "") == "finished"]
    words = {
        "product": _("Product"),
        "segment": _("Step of a routing"),
        "equipment_class": _("Machines of the class"),
        "owner": _("Owner"),
    }
    bound = [
        (name, words[name], [(str(row.pk), _label(row)) for row in rows[name]], str(given.get(name, "")))
        for name in BOUND
    ]
    context = {"given": given, "bound": bound, "message": message, "largest": LARGEST_IMAGE // 1024 // 1024}
    return render(request, "mom/instruction_new.html", context, status=status)


def _label(row: Any) -> str:
    master = getattr(row, "work_master", None)
    where = f"{master.code} · " if master is not None else ""
    return f"{where}{row.name or row.code} ({row.code})"


def _written(request: HttpRequest) -> Written:
    """Raises Refused for a date or a choice that cannot be read."""
    picture = request.FILES.get("image")
    image = picture.read(LARGEST_IMAGE + 1) if picture else b""
    posted = request.POST
    texts = {name: posted.get(name, "").replace("\r\n", "\n").strip() for name in TEXTS}
    chosen = {name: _chosen(posted.get(name, ""), model) for name, model in BOUND.items()}
    return Written(
        code=posted.get("code", "")[:60],
        name_en=texts["name_en"][:120],
        name_fr=texts["name_fr"][:120],
        text_en=texts["text_en"],
        text_fr=texts["text_fr"],
        effective_from=_instant(request, posted.get("effective_from", "")),
        changed_en=texts["changed_en"][:400],
        changed_fr=texts["changed_fr"][:400],
        product_id=chosen["product"],
        segment_id=chosen["segment"],
        equipment_class_id=chosen["equipment_class"],
        owner_id=chosen["owner"],
        image=image,
        withdrawn=posted.get("withdrawn") == "yes",
    )


def _chosen(raw: str, model: str) -> int | None:
    if not raw:
        return None
    if not raw.isdecimal() or not selectors.configuration_rows(model, pk=int(raw)).exists():
        raise Refused(_("Read “%(text)s”, expected one of the list.") % {"text": raw})
    return int(raw)


def _instant(request: HttpRequest, raw: str) -> datetime:
    """Now where nothing is said; a time without zone is the plant's."""
    if not raw:
        return timezone.now()
    read = parse_datetime(raw) if len(raw) > 10 else parse_datetime(f"{raw}T00:00")
    if read is None:
        raise Refused(_("Read “%(text)s”, expected a date and time.") % {"text": raw})
    return read if read.tzinfo else read.replace(tzinfo=_zone(request) or timezone.get_default_timezone())
