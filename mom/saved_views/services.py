"""Saving, sharing and deleting a view."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.utils.translation import gettext as _

from mom.saved_views.models import SavedView
from plant import audit
from plant.access import Actor

if TYPE_CHECKING:
    from plant.models import Equipment

# A person's views of one page: more than this is no shortcut any more.
MOST = 30


class ViewRefused(ValueError):
    """The view cannot be kept as given; the message says what is missing."""

    is_bad_input = True


@transaction.atomic
def view_save(
    *, page: str, name: str, query: str, by: Actor, at: datetime, line: Equipment | None = None
) -> SavedView:
    """Keep filters under a name; the same name again replaces the person's earlier view of it.

    ``line``: shared with everyone who may look at it. Raises ViewRefused, PermissionDenied.
    """
    owner_id = _person(by)
    name = name.strip()
    if not name:
        raise ViewRefused(_("A view needs a name."))
    if line is not None:
        by.require("view", line)
    own = SavedView.objects.filter(owner_id=owner_id, page=page)
    if own.exclude(name=name[:80]).count() >= MOST:
        raise ViewRefused(_("You have %(n)d saved views here: delete one first.") % {"n": MOST})
    found, _created = SavedView.objects.update_or_create(
        owner_id=owner_id,
        page=page,
        name=name[:80],
        defaults={"query": query[:500], "line": line, "saved_at": at},
    )
    audit.record(
        by=by,
        action="saved_view.save",
        subject_type="saved_view",
        subject_code=found.name,
        after={"page": page, "query": found.query, "line": line.code if line else None},
        at=at,
    )
    return found


@transaction.atomic
def view_delete(*, view_id: int, by: Actor) -> None:
    """Delete one's own view. Raises SavedView.DoesNotExist for anybody else's."""
    found = SavedView.objects.get(pk=view_id, owner_id=_person(by))
    audit.record(
        by=by,
        action="saved_view.delete",
        subject_type="saved_view",
        subject_code=found.name,
        before={"page": found.page, "query": found.query},
    )
    found.delete()


def _person(by: Actor) -> int:
    if by.person_id is None or by.read_only:
        raise PermissionDenied(_("%(who)s is no person who could keep a view") % {"who": by.label})
    return by.person_id
