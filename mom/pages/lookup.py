"""Finding what an address names, within what the reader may see: anything else is not there."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from django.core.exceptions import ObjectDoesNotExist
from django.http import Http404, HttpRequest
from django.utils.http import url_has_allowed_host_and_scheme

from plant import selectors
from plant.access import actor_of

if TYPE_CHECKING:
    from plant.models import Equipment


def lines_seen(request: HttpRequest) -> list[Equipment]:
    """The lines the reader may see, each with its ``revision``: read once for page and navigation."""
    found: list[Equipment] | None = getattr(request, "lines_seen", None)
    if found is None:
        found = selectors.lines_revised(actor_of(request))
        request.lines_seen = found  # type: ignore[attr-defined]
    return found


def line_or_404(request: HttpRequest, code: str) -> Equipment:
    line = next((line for line in lines_seen(request) if line.code == code), None)
    if line is None:
        raise Http404(f"no line {code}")
    return line


def equipment_or_404(request: HttpRequest, code: str) -> Equipment:
    try:
        found = selectors.equipment_by_code(code)
    except ObjectDoesNotExist:
        raise Http404(f"no equipment {code}") from None
    if not actor_of(request).may("view", found):
        raise Http404(f"no equipment {code}")
    return found


def line_choice(lines: list[Equipment], code: str) -> Equipment | None:
    """The line a filter names; the only line, where there is one."""
    if len(lines) == 1:
        return lines[0]
    return next((line for line in lines if line.code == code), None)


def zones_of(lines: list[Equipment]) -> dict[int, ZoneInfo]:
    """Time zone of each line's site, in one read for all; none where the lines tell their revision."""
    revision = getattr(lines[0], "revision", "") if lines else ""
    sites = selectors.configuration_kept(
        "sites",
        revision=revision,
        make=lambda: dict(selectors.sites().values_list("code", "time_zone")),
    )
    return {line.pk: _zone(line, sites) for line in lines}


def _zone(line: Equipment, sites: dict[str, str]) -> ZoneInfo:
    named = (sites[code] for code in line.path.strip("/").split("/") if sites.get(code))
    return ZoneInfo(next(named, "UTC"))


def instant_asked(request: HttpRequest) -> datetime | None:
    """The instant ``?at=`` names, UTC where it names no zone; nonsense is no instant."""
    try:
        at = datetime.fromisoformat(request.GET.get("at", "").replace(" ", "+"))
    except ValueError:
        return None
    return at if at.tzinfo else at.replace(tzinfo=UTC)


def day_or_404(day: str) -> date:
    """The day an address names."""
    try:
        return date.fromisoformat(day)
    except ValueError:
        raise Http404(f"read {day!r}, expected a date such as 2026-03-25") from None


def safe_next(request: HttpRequest, otherwise: str) -> str:
    """Where the form asked to go back to, if it is a page of this product."""
    return page_address(request.POST.get("next", "")) or otherwise


def page_address(text: str) -> str:
    """An address given from outside, if it is a page of this product; else nothing."""
    inside = text.startswith("/") and url_has_allowed_host_and_scheme(text, allowed_hosts=None)
    return text if inside else ""
