"""What was typed while nobody was signed in: kept by the tablet, and entered by whoever says it was them.

Without a script there is no outbox: the form is sent, and nobody may be who sent it. It waits in a cookie,
signed by us, so that no sign-out or time-out loses it; whoever badges in next is asked, never assumed.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from django.core import signing
from django.http import HttpRequest, HttpResponseBase
from django.utils import timezone
from django.utils.translation import gettext_lazy as late

COOKIE, SALT = "tablet_drafts", "mom.tablet.draft"
KEPT = timedelta(days=1)
# A browser keeps 4 kB of one cookie.
LARGEST = 3600
NOT_SHOWN = {"key", "stop", "seen", "entry", "csrfmiddlewaretoken", "undo"}
WHAT = {
    "stops": late("Reason of a stop"),
    "micro": late("Reason of micro-stops"),
    "count": late("Good / scrap"),
    "note": late("Note"),
    "orders": late("Production order"),
    "call": late("Call help"),
    "checks": late("Check"),
    "lots": late("Lot"),
    "work": late("Work at the station"),
    "instructions": late("Work instruction"),
    "people": late("People here"),
}


@dataclass(frozen=True, slots=True)
class Draft:
    """One form: where it was sent, what was typed, and when."""

    id: str
    path: str
    fields: tuple[tuple[str, str], ...]
    at: datetime

    @property
    def words(self) -> str:
        """What the person typed, as far as it can be told in words."""
        steps = self.path.strip("/").split("/")
        what = WHAT.get(steps[1] if len(steps) > 1 else "", late("Entry"))
        typed = [value for name, value in self.fields if name not in NOT_SHOWN and value]
        return ": ".join(part for part in (str(what), " / ".join([*steps[2:], *typed])[:120]) if part)


def drafts_waiting(request: HttpRequest) -> list[Draft]:
    """Oldest first; one that nobody claimed for a day is gone."""
    try:
        rows = signing.loads(request.COOKIES.get(COOKIE, ""), salt=SALT, max_age=KEPT)
        return [
            Draft(pk, path, tuple((name, value) for name, value in fields), datetime.fromtimestamp(at, UTC))
            for pk, path, fields, at in rows
        ]
    except (signing.BadSignature, ValueError, TypeError):
        return []


def draft_keep(request: HttpRequest, fields: list[tuple[str, str]], answer: HttpResponseBase) -> bool:
    """Keep what was sent; False where there is no room, and the person must badge in and type it again."""
    made = Draft(uuid.uuid4().hex[:12], request.path, tuple(fields), timezone.now())
    return drafts_write(request, answer, [*drafts_waiting(request), made])


def drafts_write(request: HttpRequest, answer: HttpResponseBase, drafts: list[Draft]) -> bool:
    if not drafts:
        answer.delete_cookie(COOKIE, samesite="Lax")  # type: ignore[attr-defined]
        return True
    rows = [[each.id, each.path, each.fields, each.at.timestamp()] for each in drafts]
    text = signing.dumps(rows, salt=SALT, compress=True)
    if len(text) > LARGEST:
        return False
    answer.set_cookie(  # type: ignore[attr-defined]
        COOKIE, text, max_age=KEPT, httponly=True, samesite="Lax", secure=request.is_secure()
    )
    return True
