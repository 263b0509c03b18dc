"""The time of machines that pace a line side by side, told as one account.

They run while as many do as their step needs; else the account says what the machine was doing that left too
few. It is the same reading of the group as the first-fault walk's, so that a line's figures and its losses
speak of the same seconds.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from datetime import datetime
from itertools import pairwise

from production.domain import states
from production.domain.account import Account, Segment
from production.domain.line.topology import GroupRow
from production.domain.line.tracks import Part, Track, parts_of, speaker
from production.domain.time_model import UNKNOWN


@dataclass(frozen=True, slots=True)
class SpokenSegment(Segment):
    """A segment of a group. ``machine``: whose it is; its stop is that machine's."""

    machine: str = ""


NAMES = tuple(item.name for item in fields(Segment))


def machine_of(segment: Segment, default: str) -> str:
    """The machine a segment of a line's account speaks of; ``default``: the one that paces it alone."""
    return segment.machine if isinstance(segment, SpokenSegment) else default


def group_account(group: GroupRow, members: Mapping[str, Account]) -> Account | None:
    """One account of machines side by side, by code, as far as any of them is known; None without data."""
    known = [account for account in members.values() if account.segments]
    if not known:
        return None
    start, end = min(account.start for account in known), max(account.end for account in known)
    parts = [parts_of(code, members[code].segments) if code in members else [] for code in group.members]
    tracks = [Track(code, told) for code, told in zip(group.members, parts, strict=True)]
    cuts = {edge for told in parts for part in told for edge in (part.start, part.end)}
    segments: list[SpokenSegment] = []
    for since, until in pairwise(sorted(cuts | {start, end})):
        spoken = _spoken(group, [track.at(since) for track in tracks], since, until)
        last = segments[-1] if segments else None
        if last is not None and replace(last, start=since, end=until) == spoken:
            segments[-1] = replace(last, end=until)
        else:
            segments.append(spoken)
    return Account(start, end, tuple(segments))


def _spoken(group: GroupRow, now: Sequence[Part], start: datetime, end: datetime) -> SpokenSegment:
    part = speaker(group, now)
    told = part.segment
    if told is None:
        # Nothing is known of the machine that matters; what was planned, another one says.
        other = next((one.segment for one in now if one.segment is not None), None)
        about = (other.planned, other.shift_code, other.order_code) if other else ("shift", "", "")
        planned, shift, order = about
        return SpokenSegment(
            start, end, UNKNOWN, states.UNKNOWN, planned=planned, shift_code=shift, order_code=order,
            machine=part.machine,
        )  # fmt: skip
    values = {name: getattr(told, name) for name in NAMES}
    return SpokenSegment(**values | {"start": start, "end": end}, machine=part.machine)
