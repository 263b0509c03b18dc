"""`/health` for people, `/readyz` for load balancers: the same list as `manage.py doctor`."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from mom import health
from plant import access

TITLES = {
    "database": _("Database"),
    "migrations": _("Database schema"),
    "database_role": _("Recorded facts protected"),
    "redis": _("Task queue"),
    "workers": _("Workers"),
    "beat": _("Scheduler"),
    "clock": _("Clock"),
    "disk": _("Disk"),
    "connections": _("Last value per connection"),
    "quarantine": _("Unread messages"),
    "stitching": _("Values folded"),
}
WORDS = {health.Status.OK: _("OK"), health.Status.WARN: _("Attention"), health.Status.FAIL: _("Failed")}


@require_safe
@never_cache
@access.require("view")
def health_page(request: HttpRequest) -> HttpResponse:
    found = health.findings_for(access.actor_of(request))
    rows = [(TITLES.get(row.check, row.check), WORDS[row.status], row) for row in found]
    return render(request, "mom/health.html", {"rows": rows, "verdict": _verdict(found)})


def _verdict(found: list[health.Finding]) -> str:
    failed = sum(row.status is health.Status.FAIL for row in found)
    noticed = sum(row.status is health.Status.WARN for row in found)
    if failed:
        return ngettext("%(n)d check failed", "%(n)d checks failed", failed) % {"n": failed}
    if noticed:
        return ngettext("%(n)d check needs attention", "%(n)d checks need attention", noticed) % {
            "n": noticed
        }
    return gettext("All checks passed")


@require_safe
@never_cache
@access.public
def readyz(request: HttpRequest) -> JsonResponse:
    """200 when pages can be served, else 503. Anyone may ask, so it names checks and tells no more."""
    found = health.ready()
    serving = health.worst(found) is not health.Status.FAIL
    body = {"ready": serving, "checks": {row.check: row.status for row in found}}
    return JsonResponse(body, status=200 if serving else 503)
