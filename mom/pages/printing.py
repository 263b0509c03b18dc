"""What a printed page says of itself: which document of which plant, when printed, and the way back to it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.http import HttpRequest
from django.utils import timezone

from mom.tablet.devices import qr_svg
from plant import selectors

if TYPE_CHECKING:
    from plant.models import Equipment


def printed(request: HttpRequest, *, title: str, line: Equipment, link: str) -> dict[str, Any]:
    """For ``components/print_head.html``. ``link``: the page itself, as the QR code opens it."""
    address = request.build_absolute_uri(link)
    site = selectors.sites().filter(code=line.path.strip("/").split("/")[0]).first()
    place = f"{site.name} · {line.name}" if site else line.name
    return {
        "title": title,
        "place": place,
        "at": timezone.now(),
        "link": address,
        "qr": qr_svg(address, scale=3),
    }
