"""From counter values to pieces: differences in source-time order, with every odd step named.

A fall is a roll-over where a modulus is configured and the step is plausible, jitter where it is at most one
hundredth of the value (counted as it is, below zero, so that what follows adds up), else a reset: what was
counted
since is the new value. A step above the fastest believable rate is kept apart: it is shown and never summed.
Rates are taken over a minute at least: counters step by whole cases and are read at odd moments.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import NamedTuple

Number = int | Decimal

PLAIN, RESET, ROLLOVER, GAP, IMPLAUSIBLE, BACKWARDS = (
    "",
    "reset",
    "rollover",
    "gap",
    "implausible",
    "backwards",
)
JITTER = 100
# Without a rate of its own, a counter is believed up to so many times its machine's highest ideal rate.
BELIEVED = 2
SHORTEST = timedelta(minutes=1)
# What is no reading of a counter: unset registers (2^64 - 1), wild floats. Steps between readings fit what
# stores them, fourteen digits and six decimals.
LARGEST = 10**13
FITS = 10**14
SIX = Decimal("0.000001")
# A number of more digits, or longer as text, is none a machine counts with: it is not even computed.
LONGEST, MOST_DIGITS = 32, 15
DIGITS = re.compile(r"\s*[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d{1,2})?\s*", re.ASCII)


class Step(NamedTuple):
    """What one counter sample adds to the one before it, and what is odd about it."""

    quantity: Number
    flag: str


def number(value: object) -> Number | None:
    """The value as a number of six decimals; None when it is none: text, not-a-number, infinite, or of more
    digits than anything counts.
    """
    if isinstance(value, int):
        return int(value)
    if isinstance(value, str):
        if len(value) > LONGEST or not DIGITS.fullmatch(value):
            return None
        exact = Decimal(value)
    elif isinstance(value, float | Decimal):
        exact = Decimal(str(value))
    else:
        return None
    if not exact.is_finite() or exact.adjusted() > MOST_DIGITS:
        return None
    return int(exact) if exact == exact.to_integral_value() else exact.quantize(SIX)


def reading(value: object) -> Number | None:
    """What a counter may show: a number below ``LARGEST``, either side of zero; else None."""
    found = number(value)
    return found if found is not None and -LARGEST < found < LARGEST else None


def step(
    before: Number,
    after: Number,
    elapsed: timedelta,
    *,
    modulus: Number | None = None,
    per_second: Decimal | None = None,
) -> Step:
    """The pieces between two neighbouring values. ``per_second`` is the fastest believable rate, if one is
    known.
    """
    quantity, flag = _difference(before, after, modulus)
    if per_second is not None and quantity > most(elapsed, per_second):
        return Step(quantity, IMPLAUSIBLE)
    return Step(quantity, flag)


def most(elapsed: timedelta, per_second: Decimal) -> Decimal:
    """The most pieces anyone would believe of so much time: one is always on its way."""
    return 1 + per_second * Decimal(str(max(elapsed, SHORTEST).total_seconds()))


def believed_rate(maximum: Decimal | None, ideal: Decimal | None) -> Decimal | None:
    """The fastest believable rate per second, from a counter's declared maximum per hour, else from the
    highest ideal rate of its machine. None: nothing is known, and every step is believed.
    """
    per_hour = maximum if maximum is not None else None if ideal is None else ideal * BELIEVED
    return None if per_hour is None else per_hour / 3600


def _difference(before: Number, after: Number, modulus: Number | None) -> Step:
    if after >= before:
        return Step(after - before, PLAIN)
    if modulus is not None:
        wrapped = after + modulus - before
        if 0 <= wrapped <= modulus / 2:
            return Step(wrapped, ROLLOVER)
    if (before - after) * JITTER <= before:
        return Step(after - before, BACKWARDS)
    return Step(max(after, 0), RESET)


class Counted(NamedTuple):
    """Pieces of one counter in a five-minute bucket, or one flagged step from the sample before to its
    own.
    """

    signal: int
    kind: str
    start: datetime
    end: datetime
    flag: str
    quantity: Number


BUCKET = timedelta(minutes=5)
_BUCKET_SECONDS = int(BUCKET.total_seconds())
_EPOCH = datetime.fromisoformat("1970-01-01T00:00:00+00:00")


def bucket_of(at: datetime) -> datetime:
    """The start of the five minutes an instant lies in."""
    seconds = (at - _EPOCH).total_seconds() // _BUCKET_SECONDS * _BUCKET_SECONDS
    return _EPOCH + timedelta(seconds=seconds)


class Counter:
    """Folds one counter's samples, in source-time order, into buckets and flagged steps.

    ``value`` and ``at`` are the last good sample before; ``bucket`` and ``counted`` continue a bucket begun
    earlier.
    """

    __slots__ = (
        "_bucket_end",
        "_sure",
        "at",
        "bucket",
        "counted",
        "kind",
        "modulus",
        "moved",
        "per_second",
        "rows",
        "signal",
        "value",
    )

    def __init__(
        self, signal: int, kind: str, *, modulus: Number | None = None, per_second: Decimal | None = None
    ) -> None:
        self.signal, self.kind, self.modulus, self.per_second = signal, kind, modulus, per_second
        # Below this no step is odd, however short its time.
        self._sure: Number | None = None if per_second is None else int(most(SHORTEST, per_second))
        self.value: Number | None = None
        self.at: datetime | None = None
        self.bucket: datetime | None = None
        self._bucket_end = _EPOCH
        self.counted: Number = 0
        self.rows: list[Counted] = []
        self.moved: list[datetime] = []

    def resume(
        self, value: Number | None, at: datetime, bucket: datetime | None = None, counted: Number = 0
    ) -> None:
        self.value, self.at = value, at
        if bucket is not None:
            self.bucket, self._bucket_end, self.counted = bucket, bucket + BUCKET, counted

    def add(self, at: datetime, raw: object, gaps: Sequence[tuple[datetime, datetime]] = ()) -> None:
        """Take the next sample; a step across one of the data gaps, (start, end) in order, is flagged."""
        value = raw if type(raw) is int else number(raw)
        if value is None:
            return
        before, before_at = self.value, self.at
        if not -LARGEST < value < LARGEST:
            # The next reading counts from the last one: this was never what the counter stood at.
            if before is not None and before_at is not None:
                self.rows.append(Counted(self.signal, self.kind, before_at, at, IMPLAUSIBLE, 0))
            return
        if before is None or before_at is None:
            self.value, self.at = value, at
            return
        if value == before:
            self.at = at
            return
        if value > before and (self._sure is None or value - before <= self._sure):
            quantity, flag = value - before, PLAIN
        else:
            quantity, flag = step(
                before, value, at - before_at, modulus=self.modulus, per_second=self.per_second
            )
        self.value, self.at = value, at
        if quantity > 0 and flag != IMPLAUSIBLE:
            self.moved.append(at)
        if gaps and not flag and any(start < at and before_at < end for start, end in gaps):
            flag = GAP
        if flag:
            self.rows.append(Counted(self.signal, self.kind, before_at, at, flag, quantity))
            return
        if at >= self._bucket_end:
            self.flush()
            self.bucket = bucket_of(at)
            self._bucket_end = self.bucket + BUCKET
        if not -FITS < self.counted + quantity < FITS:
            self.rows.append(Counted(self.signal, self.kind, before_at, at, IMPLAUSIBLE, 0))
            return
        self.counted += quantity

    def flush(self) -> None:
        """Write the bucket being counted, if it counted anything."""
        if self.bucket is not None and self.counted:
            self.rows.append(
                Counted(self.signal, self.kind, self.bucket, self._bucket_end, PLAIN, self.counted)
            )
        self.bucket, self.counted = None, 0
        self._bucket_end = _EPOCH


Amount = Decimal | None


def total_of(
    good: Amount,
    scrap: Amount,
    total: Amount,
    *,
    includes_defective: bool | None,
    rework: Amount = None,
) -> tuple[Amount, Amount, Amount]:
    """Good, scrap and total, any two of which give the third; None where it cannot be known.

    ``rework``: pieces sent to rework, neither good nor scrap yet.

    ``includes_defective``: whether this source's total counts defective pieces too. If not it is the good
    count;
    where nobody has said (None), nothing is made of it.
    """
    if total is not None and includes_defective is False:
        good, total = (total if good is None else good), None
    sent = rework or Decimal(0)
    if total is None and good is not None and scrap is not None:
        return good, scrap, good + scrap + sent
    if total is None or includes_defective is None:
        return good, scrap, total
    if good is None and scrap is not None:
        return total - scrap - sent, scrap, total
    if scrap is None and good is not None:
        return good, total - good - sent, total
    return good, scrap, total
