"""Stitching: one machine's new or late samples folded into its derived rows, together with the checkpoint."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from django.db import connection, transaction

from connectors import selectors as connectors
from plant import services as plant
from plant.selectors import configuration_kept, configuration_revision
from production.domain.counters import BUCKET, bucket_of
from production.domain.stitching import Fold
from production.domain.stops import StopRow, stops_of
from production.models import StitchCheckpoint
from production.selectors.folding import gaps_read, gaps_told, opened_at, samples_read, stop_going_on
from production.selectors.paces import paced_unit
from production.selectors.stations import horizon_for
from production.selectors.stored import Stored, checkpoint_of
from production.selectors.units import UnitSetup, unit_setup
from production.services.derived import Difference, apply
from production.services.execution import orders_refresh_for
from production.services.window import Window, converged, differences

STITCH_LOCK = 51
DAY = timedelta(days=1)
INSTANT = timedelta(microseconds=1)
# The machine's lock is held: nobody else writes its checkpoint.
REACHED = """
INSERT INTO production_stitchcheckpoint (work_unit_id, begun, folded_to, horizon) VALUES (%s, %s, %s, %s)
ON CONFLICT (work_unit_id) DO UPDATE
SET begun = excluded.begun, folded_to = excluded.folded_to, horizon = excluded.horizon
"""


@dataclass(frozen=True, slots=True)
class Stitched:
    """What a stitch did. ``samples``: read; ``rows``: derived rows that changed."""

    samples: int = 0
    rows: int = 0
    order_codes: frozenset[str] = field(default_factory=frozenset)


@transaction.atomic
def stitch(*, work_unit_id: int) -> Stitched:
    """Bring a machine's derived rows up to its samples and its horizon. Safe to call at any time, any number
    of times.

    Rows, checkpoint and the marks taken commit together; a second stitch of the machine waits for the first.
    """
    unit_lock(work_unit_id)
    marks = connectors.dirty_marks_take(work_unit_id=work_unit_id)
    checkpoint = checkpoint_of(work_unit_id)
    if marks is None and checkpoint is None:
        return Stitched()
    revision = configuration_revision()
    setup = configuration_kept(
        ("fold", work_unit_id), revision=revision, make=lambda: unit_setup(work_unit_id=work_unit_id)
    )
    watermark = horizon_for(equipment_id=work_unit_id, is_manual=setup.is_manual)
    if marks is None and (checkpoint is None or watermark is None or watermark <= checkpoint.horizon):
        return Stitched()
    return stitch_from(setup, checkpoint, marks, watermark)


def unit_lock(work_unit_id: int) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s, %s)", [STITCH_LOCK, work_unit_id])


def stitch_from(
    setup: UnitSetup,
    checkpoint: StitchCheckpoint | None,
    marks: tuple[datetime, datetime] | None,
    watermark: datetime | None,
) -> Stitched:
    done = Refold(setup, checkpoint, watermark)
    if marks is not None and not done.in_order(marks[0]):
        # Past what was folded nothing is final yet: silence there was not known.
        dirty = min(marks[0], checkpoint.folded_to + INSTANT) if checkpoint else marks[0]
        done.run(bucket_of(dirty - setup.unit.lookback), marks[1], converge_after=done.late_to(marks[1]))
    if not done.at_end and done.beyond(marks):
        done.run(None, marks[1] if marks else None)
    return done.commit()


class Refold:
    """Folds windows of one machine and collects what they change."""

    def __init__(
        self, setup: UnitSetup, checkpoint: StitchCheckpoint | None, watermark: datetime | None
    ) -> None:
        self.setup, self.checkpoint, self.watermark = setup, checkpoint, watermark
        self.samples = self.rows = 0
        self.codes: set[str] = set()
        self.at_end = False
        self.begun = checkpoint.begun if checkpoint else None

    def in_order(self, dirty: datetime) -> bool:
        """Whether everything that landed is newer than everything folded, so that rows can simply be
        continued.
        """
        return (
            self.checkpoint is not None
            and dirty > self.checkpoint.folded_to
            and not self.setup.unit.follows_counter
        )

    def late_to(self, dirty_to: datetime) -> datetime | None:
        """The end of what is late, when what was folded after it may still hold; None to fold to the
        horizon.
        """
        if (
            self.checkpoint is None
            or dirty_to >= self.checkpoint.folded_to
            or self.setup.unit.follows_counter
        ):
            return None
        if self.setup.is_manual:
            # What was said may be taken back: no later value vouches for the one before it.
            return None
        return dirty_to

    def beyond(self, marks: tuple[datetime, datetime] | None) -> bool:
        """Whether there is anything past the checkpoint: newer samples, or more silence."""
        assert self.checkpoint is not None
        if marks is not None and marks[1] > self.checkpoint.folded_to:
            return True
        return self.watermark is not None and self.watermark > self.checkpoint.horizon

    def run(
        self, start: datetime | None, dirty_to: datetime | None, converge_after: datetime | None = None
    ) -> None:
        """Fold from ``start`` (None: the checkpoint's end) until the rows agree again, or to the horizon."""
        checkpoint = self.checkpoint
        continued = start is None and not self.setup.unit.follows_counter
        if start is None:
            assert checkpoint is not None
            start = checkpoint.folded_to + INSTANT
            if self.setup.unit.follows_counter:
                start = bucket_of(start - self.setup.unit.lookback)
        self.begun = min(start, self.begun or start)
        stored = self._stored(start, converge_after)
        opened = opened_at(self.setup, stored, continue_buckets=continued)
        stop = stop_going_on(stored)
        ends = [at for at in (dirty_to, self.watermark, checkpoint.folded_to if checkpoint else None) if at]
        end = max(ends) + INSTANT
        fold = Fold(paced_unit(self.setup, start, end), opened, gaps_read(self.setup, opened))
        late_gaps = gaps_told(self.setup, start, converge_after) if converge_after is not None else []
        first = max(bucket_of(converge_after), start) + BUCKET if converge_after is not None else start + DAY
        step = BUCKET if converge_after is not None else DAY
        begin, cut = start, min(first, end)
        while True:
            samples = samples_read(self.setup, begin, cut)
            self.samples += len(samples)
            fold.feed(samples)
            if cut >= end:
                break
            if known := self._horizon(fold):
                # A gap may end after everything that is known: silence until then is not.
                fold.advance(min(cut, known))
            if converge_after is not None:
                window = self._window(fold, stored, stop, cut)
                if converged(self.setup, window, converge_after, opened.at, late_gaps):
                    self._take(differences(self.setup, window))
                    return
            # Days without samples are crossed in growing steps: a sample may be years away.
            step = step * 2 if not samples or step < DAY else DAY
            begin, cut = cut, min(cut + min(step, end - cut), end)
        self._finish(fold, stored, stop)

    def _stored(self, start: datetime, converge_after: datetime | None) -> Stored:
        roles = {signal.role for signal in self.setup.unit.signals}
        until = None if converge_after is None else max(converge_after, start)
        return Stored(self.setup.id, roles, start, until)

    def _finish(self, fold: Fold, stored: Stored, stop: StopRow | None) -> None:
        self.at_end = True
        horizon = self._horizon(fold)
        if fold.last_at is None or horizon is None:
            return
        fold.close(horizon)
        self._take(differences(self.setup, self._window(fold, stored, stop, None, horizon)))
        with connection.cursor() as cursor:
            cursor.execute(REACHED, [self.setup.id, self.begun, fold.last_at, horizon])

    def _horizon(self, fold: Fold) -> datetime | None:
        """Until when the machine's data are known."""
        held = self.checkpoint.horizon if self.checkpoint else None
        return max((at for at in (fold.last_at, self.watermark, held) if at), default=None)

    def _window(
        self,
        fold: Fold,
        stored: Stored,
        stop: StopRow | None,
        end: datetime | None,
        horizon: datetime | None = None,
    ) -> Window:
        states = [*fold.states, *([fold.row] if fold.row else [])] if self.setup.unit.has_state else []
        known = horizon or (self.checkpoint.horizon if self.checkpoint else stored.start)
        stops = stops_of(states, stop, self.setup.definitions.base_of)
        return Window(stored.start, end, known, fold, states, stops, stored)

    def _take(self, changes: list[Difference]) -> None:
        for change in changes:
            self.rows += apply(change)
            if "order_code" in change.columns:
                place = change.columns.index("order_code")
                self.codes |= {str(row[place]) for row in (*change.gone.values(), *change.new)}

    def commit(self) -> Stitched:
        begun = self.checkpoint.begun if self.checkpoint else None
        if not self.at_end and self.begun != begun:
            StitchCheckpoint.objects.filter(work_unit_id=self.setup.id).update(begun=self.begun)
        if self.codes:
            orders_refresh_for(equipment=self.setup.equipment, line_id=self.setup.line_id, codes=self.codes)
        if self.rows and self.setup.line_id is not None:
            plant.revision_bump(line_id=self.setup.line_id)
        return Stitched(self.samples, self.rows, frozenset(self.codes))
