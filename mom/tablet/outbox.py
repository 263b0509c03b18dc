"""Entries that a tablet sends with its own key and time, at once or when contact is back.

The headers of such a write: ``Idempotency-Key``, ``X-Outbox`` (``now``: somebody waits for the answer;
``later``: it waited on the tablet), ``X-Tapped-At`` and ``X-Sent-At`` by the tablet's clock in ISO 8601,
``X-Person`` (who was signed in when it was tapped, signed by us), ``X-Claimed`` (``yes``: nobody was, and
this person said later that it was them) and ``X-Words`` (the tile's words, quoted).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from django.core import signing
from django.http import HttpRequest, HttpResponseBase, JsonResponse
from django.utils import timezone
from django.utils.dateparse import parse_datetime
from django.utils.translation import gettext as _

from mom.outbox.models import TabletEntry
from mom.outbox.selectors import entry_kept_last
from mom.outbox.services import entry_trace
from plant import selectors
from plant.access import Actor, actor_of

if TYPE_CHECKING:
    from plant.models import Device

SALT = "mom.tablet.person"
# An entry may wait this long on a tablet; an older one must be entered again by somebody who badges in.
KEPT = timedelta(days=7)
# Who signed in is held to have left after a day, whatever a tablet says that saw no server meanwhile.
SIGNED_IN = timedelta(days=1)
# What two readings of a good clock may differ by.
SLACK = timedelta(seconds=10)
LATER, NOW = "later", "now"
_READ = "_tablet_entry"
TAPPED = "_tapped_at"


class Unbelieved(ValueError):
    """The entry cannot be written as it is; the text says what to do instead."""


class PersonUnknown(Unbelieved):
    """The entry does not say in a way that can be believed who tapped it."""

    def __init__(self, why: str = "") -> None:
        super().__init__(
            why or _("It is not certain any more who entered this. Badge in and enter it again.")
        )


class TimeUnknown(Unbelieved):
    """When it was tapped is not known: the tablet's clock was changed while it waited, or it is too old."""

    def __init__(self) -> None:
        words = _(
            "It is not certain when this was entered: it waited more than %(days)d days, "
            "or the tablet's clock was changed. Enter it again."
        )
        super().__init__(words % {"days": KEPT.days})


@dataclass(frozen=True, slots=True)
class Entry:
    """One write of a tablet. ``tapped_at`` is the tap by our clock, never later than its arrival."""

    key: str
    mode: str
    tapped_at: datetime
    device_time: datetime | None
    person: str
    words: str
    claimed: bool
    waited: timedelta
    """By the tablet's clock, so less than nothing where that was put back meanwhile."""

    @property
    def is_late(self) -> bool:
        return self.mode == LATER


def entry_of(request: HttpRequest) -> Entry | None:
    """What the request says about itself; None for a plain form."""
    if not hasattr(request, _READ):
        setattr(request, _READ, _read(request, timezone.now()))
    entry: Entry | None = getattr(request, _READ)
    return entry


def _read(request: HttpRequest, now: datetime) -> Entry | None:
    mode = request.headers.get("X-Outbox", "")
    key = request.headers.get("Idempotency-Key", "")[:80]
    if mode not in (NOW, LATER) or not key:
        return None
    device_time = _instant(request.headers.get("X-Tapped-At", ""))
    sent = _instant(request.headers.get("X-Sent-At", ""))
    tapped = tapped_by_our_clock(device_time=device_time, sent=sent, now=now)
    before = entry_kept_last(device_id=actor_of(request).device_id)
    return Entry(
        key=key,
        mode=mode,
        tapped_at=tapped_in_order(tapped, device_time, before),
        device_time=device_time,
        person=request.headers.get("X-Person", ""),
        words=unquote(request.headers.get("X-Words", ""))[:200],
        claimed=request.headers.get("X-Claimed", "") == "yes",
        waited=sent - device_time if sent and device_time else timedelta(),
    )


def _instant(text: str) -> datetime | None:
    try:
        found = parse_datetime(text)
    except ValueError:
        return None
    return found if found is not None and found.tzinfo is not None else None


def tapped_by_our_clock(*, device_time: datetime | None, sent: datetime | None, now: datetime) -> datetime:
    """A tablet's clock may be wrong, but not about how long the entry waited on it."""
    if device_time is None or sent is None:
        return now
    waited = max(sent - device_time, timedelta())
    return now - min(waited, KEPT)


def tapped_in_order(tapped: datetime, device_time: datetime | None, before: TabletEntry | None) -> datetime:
    """Never before the tap that the same tablet sent before this one.

    What the way to the server took is in both times, and never the same: two taps one after the other
    would change places where the first one travelled longer.
    """
    if before is None or before.device_time is None or device_time is None:
        return tapped
    return max(tapped, before.tapped_at) if device_time >= before.device_time else tapped


def key_of(request: HttpRequest) -> str:
    """The key of this write: the tablet's own, else the form's; empty without either."""
    return request.headers.get("Idempotency-Key", "")[:80] or request.POST.get("key", "")[:80]


def tapped_at(request: HttpRequest) -> datetime:
    """When the person tapped, by our clock: now for a plain form, then for one that waited as a draft."""
    entry = entry_of(request)
    return entry.tapped_at if entry else getattr(request, TAPPED, None) or timezone.now()


def person_sign(device: Device | None, actor: Actor, *, now: datetime | None = None) -> str:
    """Proof for later that this person was signed in on this tablet now; empty when nobody is."""
    if device is None or actor.person_id is None:
        return ""
    said = [device.pk, actor.person_id, actor.label, int((now or timezone.now()).timestamp())]
    return signing.dumps(said, salt=SALT)


def actor_then(entry: Entry, actor: Actor, device: Device | None) -> Actor:
    """Who tapped an entry: the person its proof names; for an account, itself; else nobody.

    Raises PersonUnknown for a proof that is not ours, is another tablet's or too old, and for an entry of
    nobody that would become the next person's; TimeUnknown for one tapped before that person signed in.
    """
    if device is None:
        return actor
    if not entry.person:
        if actor.person_id is None:
            return actor
        raise PersonUnknown(_("Nobody was signed in when this was entered. Enter it again."))
    try:
        device_id, person_id, badge, since = signing.loads(entry.person, salt=SALT, max_age=KEPT + SIGNED_IN)
    except (signing.BadSignature, ValueError, TypeError):
        raise PersonUnknown from None
    person = selectors.person_at_badge(badge)
    if device_id != device.pk or person is None or person.pk != person_id:
        raise PersonUnknown
    after = entry.tapped_at - datetime.fromtimestamp(since, UTC)
    if after > SIGNED_IN:
        raise PersonUnknown
    if after < -SLACK and not entry.claimed:
        raise TimeUnknown
    return selectors.actor_for_person(person, device=device)


def time_check(entry: Entry) -> None:
    """Raises TimeUnknown where how long it waited cannot be believed."""
    if not -SLACK <= entry.waited <= KEPT:
        raise TimeUnknown


def answer_told(request: HttpRequest, answer: HttpResponseBase) -> HttpResponseBase:
    """A late entry's refusal as data, with its trace; every other answer as it is."""
    entry = entry_of(request)
    if entry is None or answer.status_code < 400 or answer.status_code == 401:
        return answer
    why = str(getattr(answer, "refusal", "") or _("The server refused this entry."))
    _trace(request, entry, TabletEntry.Outcome.REFUSED, why)
    if not entry.is_late:
        return answer
    return JsonResponse({"refused": why, "page": getattr(answer, "again", "")}, status=answer.status_code)


def kept_trace(request: HttpRequest) -> None:
    """In the transaction of the write: it was done, tapped then, arrived now."""
    entry = entry_of(request)
    if entry is not None:
        why = _("Claimed by the person after it was entered.") if entry.claimed else ""
        _trace(request, entry, TabletEntry.Outcome.KEPT, why)


def draft_trace(request: HttpRequest, route: str, words: str, at: datetime, *, key: str) -> None:
    """What was typed while nobody was signed in, and was thrown away by who is now."""
    entry_trace(
        key=key,
        outcome=TabletEntry.Outcome.DISMISSED,
        route=route,
        why="",
        tapped_at=at,
        device_time=None,
        words=words[:200],
        by=actor_of(request),
    )


def _trace(request: HttpRequest, entry: Entry, outcome: str, why: str) -> None:
    told: dict[str, Any] = {"key": entry.key, "outcome": outcome, "route": request.path, "why": why}
    entry_trace(
        **told,
        tapped_at=entry.tapped_at,
        device_time=entry.device_time,
        words=entry.words,
        by=actor_of(request),
    )
