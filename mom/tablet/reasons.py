"""The reason tiles of a machine: fixed places, two levels at most, twelve at a time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mom.tablet import session
from plant import selectors

if TYPE_CHECKING:
    from plant.models import Equipment, Reason

TILES = 12


@dataclass(frozen=True, slots=True)
class Tile:
    code: str
    name: str
    is_group: bool
    opens_request: bool
    key: str


@dataclass(frozen=True, slots=True)
class Tiles:
    """One screen of tiles. ``more``: number of the next screen, 0 when this is the last."""

    group: Reason | None
    tiles: tuple[Tile, ...]
    more: int


def tiles_offered(unit: Equipment, *, group_code: str = "", screen: int = 0) -> Tiles:
    """The tiles of a machine, or of one group of its reasons, in their fixed order."""
    offered = selectors.reasons_offered(unit)
    groups = {reason.parent_id for reason in offered if reason.parent_id}
    group = next((reason for reason in offered if reason.code == group_code and reason.pk in groups), None)
    ids = {reason.pk for reason in offered}
    if group is not None:
        # Below a group everything is a leaf: a deeper tree is flattened, so that three taps always suffice.
        found = [reason for reason in _below(group, offered) if reason.time_class]
    else:
        found = _top([reason for reason in offered if reason.parent_id not in ids], offered)
    shown, more = _screen(found, screen)
    return Tiles(
        group,
        tuple(
            Tile(
                reason.code,
                reason.name,
                group is None and reason.pk in groups,
                reason.opens_request,
                session.key_new(),
            )
            for reason in shown
        ),
        more,
    )


def _top(roots: Sequence[Reason], offered: Sequence[Reason]) -> list[Reason]:
    """What is the machine's own stands first, without its group, where one screen holds it all: two taps."""
    own: list[Reason] = []
    shared: list[Reason] = []
    for root in roots:
        inside = [reason for reason in _below(root, offered) if reason.time_class]
        if root.equipment_class_id is not None and inside:
            own += inside
        else:
            shared.append(root)
    return [*own, *shared] if len(own) + len(shared) <= TILES else list(roots)


def _below(group: Reason, offered: Sequence[Reason]) -> list[Reason]:
    inside, added = {group.pk}, True
    while added:
        found = {reason.pk for reason in offered if reason.parent_id in inside} | inside
        added, inside = found != inside, found
    return [reason for reason in offered if reason.pk in inside and reason.pk != group.pk]


def _screen(found: Sequence[Reason], screen: int) -> tuple[Sequence[Reason], int]:
    """At most twelve; where there are more, eleven and a tile for the next screen."""
    if len(found) <= TILES:
        return found, 0
    start = screen * (TILES - 1)
    rest = found[start:]
    if len(rest) <= TILES and screen:
        return rest, 0
    return rest[: TILES - 1], screen + 1
