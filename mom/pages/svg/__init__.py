"""Drawings made on the server: no script, and whatever can be pointed at is a link."""

from __future__ import annotations

from mom.pages.svg.bars import Part, difference, progress, split
from mom.pages.svg.geometry import Box, Mark, hour_ticks, lay_out, totals
from mom.pages.svg.sparkline import sparkline
from mom.pages.svg.timeline import EVERY, axis, labels_lane, lane, ticks_lane

__all__ = [
    "EVERY",
    "Box",
    "Mark",
    "Part",
    "axis",
    "difference",
    "hour_ticks",
    "labels_lane",
    "lane",
    "lay_out",
    "progress",
    "sparkline",
    "split",
    "ticks_lane",
    "totals",
]
