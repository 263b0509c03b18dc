"""Orders from a file: first what would change, then, once seen, stored."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from zoneinfo import ZoneInfo

from django.contrib import messages
from django.core import signing
from django.core.files.uploadedfile import UploadedFile
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_http_methods

from mom.pages import orders_file
from mom.pages.lookup import zones_of
from mom.pages.sheets import SheetError, rows_read
from plant import selectors
from plant.access import Actor, actor_of, require
from production import services

SALT = "mom.orders_import"
SHOWN_FOR = 3600  # seconds between seeing what would change and storing it
UTC = ZoneInfo("UTC")


def field_names() -> dict[str, str]:
    return {
        "product_id": _("Product"),
        "line_id": _("Line"),
        "quantity": _("Quantity"),
        "unit": _("Unit"),
        "planned_start": _("Planned start"),
        "planned_end": _("Planned end"),
        "due_time": _("Due"),
        "sequence": _("Sequence"),
        "priority": _("Priority"),
        "options": _("Options"),
    }


@require_http_methods(["GET", "POST"])
@require("order.plan")
def orders_import(request: HttpRequest) -> HttpResponse:
    """Upload, see the difference row by row, store. Between the two only the page carries the rows."""
    context: dict[str, Any] = {"columns": orders_file.COLUMNS}
    try:
        if request.method == "POST" and "rows" in request.POST:
            return _store(request)
        if isinstance(upload := request.FILES.get("file"), UploadedFile):
            context |= _checked(upload, actor_of(request))
        elif request.method == "POST":
            context["error"] = _("No file was chosen.")
    except SheetError as problem:
        context["error"] = str(problem)
    except signing.BadSignature:
        context["error"] = _("What you saw has expired. Choose the file again.")
    return render(request, "mom/orders_import.html", context)


def _items(rows: Sequence[orders_file.Row], actor: Actor) -> list[dict[str, Any]]:
    lines = list(selectors.lines(actor))
    zones = zones_of(lines)
    by_code = {line.code: zones[line.pk] for line in lines}
    return orders_file.items_of(rows, lambda code: by_code.get(code, UTC))


def _written(rows: Sequence[orders_file.Row], actor: Actor, **how: Any) -> list[services.Stored]:
    """What became of every row; one that repeats a code is refused before it is looked at."""
    refused = orders_file.repeated(rows)
    kept = [row for index, row in enumerate(rows) if index not in refused]
    done = iter(services.job_orders_store(items=_items(kept, actor), by=actor, **how))
    return [refused[index] if index in refused else next(done) for index in range(len(rows))]


def _checked(upload: UploadedFile, actor: Actor) -> dict[str, Any]:
    rows = rows_read(upload.read(), upload.name or "file")
    results = _written(rows, actor, dry_run=True)
    lines = list(selectors.lines(actor))
    zone = next(iter(zones_of(lines).values()), UTC)
    codes = _codes(results)
    numbers = [number for number, _row in rows]
    return {
        "diff": orders_file.diff_of(
            numbers, results, field_names(), lambda field, value: orders_file.shown(field, value, zone, codes)
        ),
        "signed": signing.dumps(rows, salt=SALT, compress=True),
    }


def _codes(results: Sequence[services.Stored]) -> dict[str, dict[int, str]]:
    """Codes of the lines and products whose ids the differences hold."""
    models = {"line_id": "plant.Equipment", "product_id": "plant.MaterialDefinition"}
    found = {}
    for field, model in models.items():
        ids = {value for result in results for value in result.changes.get(field, ()) if value}
        rows: Any = selectors.configuration_rows(model, pk__in=ids)
        found[field] = dict(rows.values_list("pk", "code"))
    return found


def _store(request: HttpRequest) -> HttpResponse:
    rows = [
        (int(number), row)
        for number, row in signing.loads(request.POST["rows"], salt=SALT, max_age=SHOWN_FOR)
    ]
    actor = actor_of(request)
    results = _written(rows, actor, why=_("imported from a file"))
    kept = sum(result.action in ("stored", "updated") for result in results)
    refused = sum(result.action == "refused" for result in results)
    messages.success(request, ngettext("%(n)d order stored.", "%(n)d orders stored.", kept) % {"n": kept})
    if refused:
        messages.warning(
            request, ngettext("%(n)d row refused.", "%(n)d rows refused.", refused) % {"n": refused}
        )
    return redirect("/orders/")
