"""The last stops of a machine as a short list: micro-stops close together are one line."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID

from mom.pages import board
from production.domain.stops import micro_groups

if TYPE_CHECKING:
    from production.selectors import StopTold


@dataclass(frozen=True, slots=True)
class _Listed:
    """A stop as it is grouped: only those with the same reason, or without one, are alike."""

    told: StopTold

    @property
    def start(self) -> datetime:
        return self.told.stop.start_time

    @property
    def end(self) -> datetime | None:
        return self.told.stop.end_time

    @property
    def base_class(self) -> str:
        return self.told.stop.base_class

    @property
    def fault_code(self) -> str:
        said = self.told.said
        return f"{self.told.stop.fault_code} {said.reason_id if said else ''}"

    @property
    def size(self) -> str:
        return self.told.stop.size


def rows_of(newest_first: Sequence[StopTold], texts: Mapping[UUID, str]) -> list[dict[str, Any]]:
    """``board.stop_row`` of each group, newest first: ``count`` of its stops, ``duration`` of all of them.

    ``texts``: the machine's own words of the fault of each.
    """
    groups = micro_groups(_Listed(told) for told in reversed(newest_first))
    return [_row([listed.told for listed in group], texts) for group in reversed(groups)]


def _row(group: list[StopTold], texts: Mapping[UUID, str]) -> dict[str, Any]:
    row = board.stop_row(group[0]) | {"fault_text": texts.get(group[0].stop.pk, "")}
    if len(group) > 1:
        time = sum((told.duration for told in group if told.duration), timedelta())
        row |= {"end": group[-1].stop.end_time, "duration": time}
    return row | {"count": len(group)}
