"""Suggested reasons on the pages that ask for one."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from django import template

from mom.pages.suggesting import Shown, suggestions_shown
from mom.tablet.session import key_new

register = template.Library()


@register.simple_tag
def suggestions_for(seen: Sequence[str]) -> list[tuple[Shown, str]]:
    """Of the one stop in ``seen`` (its id, then what the author saw of it), each with a key of its own.

    Several stops, or micro-stops coded as a group, are asked for without suggestions.
    """
    if len(seen) != 1:
        return []
    try:
        stop_id = UUID(seen[0].partition("|")[0])
    except ValueError:
        return []
    return [(item, key_new()) for item in suggestions_shown(stop_id)]


@register.simple_tag
def suggestions_of(stop_id: str) -> Sequence[Shown]:
    """Those of one stop named in the address; none for what names no stop."""
    try:
        return suggestions_shown(UUID(stop_id))
    except ValueError:
        return []
