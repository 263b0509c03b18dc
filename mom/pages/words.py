"""The plant's words and the four kinds of colour for what the code calls by its standard's name."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

from django.utils.formats import date_format, number_format
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as late
from django.utils.translation import pgettext, pgettext_lazy

UTC = ZoneInfo("UTC")
# A hyphen is none, and lines break after it.
MINUS = "−"
RUN, STOP, WAIT, SETUP, PLANNED, UNKNOWN = "run", "stop", "wait", "setup", "planned", "unknown"

STATE_WORDS = {
    "execute": late("Running"),
    "starting": late("Starting"),
    "completing": late("Completing"),
    "complete": late("Complete"),
    "idle": late("Idle"),
    "resetting": late("Resetting"),
    "unholding": late("Restarting"),
    "unsuspending": late("Restarting"),
    "suspended": late("Waiting (side not known)"),
    "suspending": late("Waiting (side not known)"),
    "starved": late("Waiting for infeed"),
    "blocked": late("Outfeed full"),
    "held": late("Held"),
    "holding": late("Holding"),
    "stopped": late("Stopped"),
    "stopping": late("Stopping"),
    "aborted": late("Fault"),
    "aborting": late("Fault"),
    "clearing": late("Clearing fault"),
    "unknown": late("No data"),
}
STATE_KINDS = {
    **dict.fromkeys(("execute", "starting", "completing", "unholding", "unsuspending"), RUN),
    **dict.fromkeys(("idle", "complete", "resetting"), "idle"),
    **dict.fromkeys(("suspended", "suspending", "starved", "blocked"), WAIT),
    **dict.fromkeys(("held", "holding", "stopped", "stopping", "aborted", "aborting", "clearing"), STOP),
    "unknown": UNKNOWN,
}
CLASS_WORDS = {
    "running": late("Running"),
    "running_slow": late("Running slowly"),
    "micro_stop": late("Micro-stops"),
    "breakdown": late("Breakdown"),
    "setup": late("Changeover"),
    "own_other": late("Other own stops"),
    "uncoded": late("Stop without a reason"),
    "starved": late("Waiting for infeed"),
    "blocked": late("Outfeed full"),
    "suspended": late("Waiting (side not known)"),
    "no_operator": late("No operator"),
    "no_material": late("No material"),
    "no_load": late("No order"),
    "break": late("Break"),
    "meeting": late("Meeting"),
    "planned_maintenance": late("Planned maintenance"),
    "trial": late("Trial"),
    "closed": late("Closed"),
    "unknown": late("No data"),
}
CLASS_KINDS = {
    "running": RUN,
    "running_slow": "slow",
    **dict.fromkeys(("micro_stop", "breakdown", "own_other", "uncoded"), STOP),
    "setup": SETUP,
    **dict.fromkeys(("starved", "blocked", "suspended", "no_operator", "no_material"), WAIT),
    **dict.fromkeys(("no_load", "break", "meeting", "planned_maintenance", "trial", "closed"), PLANNED),
    "unknown": UNKNOWN,
}
ORDER_STATE_WORDS = {
    "not_allowed_to_start": late("Not released"),
    "allowed_to_start": late("Ready"),
    "running": pgettext_lazy("order", "Running"),
    "interrupted": late("Interrupted"),
    "ended": late("Ended"),
    "aborted": late("Aborted"),
}
ACTION_STATE_WORDS = {
    "plan": pgettext_lazy("action", "Planned"),
    "do": late("Being done"),
    "check": late("Checking the effect"),
    "act": late("Making it standard"),
    "closed": pgettext_lazy("action", "Closed"),
}
# Why values may be missing, as connectors say it.
GAP_WORDS = {
    "connection_down": late("connection lost"),
    "process_down": late("connector not running"),
    "configuration": late("connector not set up correctly"),
    "seq_jump": late("messages skipped"),
    "sequence_jump": late("messages skipped"),
    "overflow": late("source queue overflowed"),
    "no_room": late("more messages than could be held"),
    "death_to_birth": late("source offline"),
    "death_unconfirmed": late("source silent since it said goodbye"),
    "before_birth": late("values not yet announced by the source"),
    "device_awaits_birth": late("device not announced again"),
    "birth_missed": late("an announcement of the source was missed"),
    "broker_down": late("one of the brokers cannot be reached"),
    "items_lost": late("no longer watched by the source"),
    "spool_lost": late("the runner's disk was lost and written off"),
}
RECOVERED_WORDS = {
    "history": late("from the history of the source"),
    "broker_queue": late("from the broker's queue, as far as it kept them"),
}
UNREAD_WORDS = {
    "unknown address": late("unknown address"),
    "in the future": late("in the future"),
    "in the future, and so is the runner's clock": late("in the future, and so is the runner's clock"),
    "newer than the runner's clock (behind, or the source's is ahead)": late(
        "newer than the runner's clock (behind, or the source's is ahead)"
    ),
    "too far in the past, and so is the runner's clock": late(
        "too far in the past, and so is the runner's clock"
    ),
    "too far in the past": late("too far in the past"),
    "wrong type": late("wrong type"),
}


BASE_WORDS = {
    "own": late("Own stop"),
    "idle": late("Idle"),
    "starved": late("Waiting for infeed"),
    "blocked": late("Outfeed full"),
    "suspended": late("Waiting (side not known)"),
    "planned": late("Planned standstill"),
}


def base_word(base_class: str) -> str:
    return str(BASE_WORDS.get(base_class, base_class))


def gap_word(cause: str) -> str:
    return str(GAP_WORDS.get(cause, cause))


def recovered_word(how: str) -> str:
    return str(RECOVERED_WORDS.get(how, how))


def unread_word(reason: str) -> str:
    """The kind of fault in the reader's words; what follows it is the connector's own."""
    kind, mark, rest = reason.partition(": ")
    return f"{UNREAD_WORDS.get(kind, kind)}{mark}{rest}"


def state_word(state: str) -> str:
    return str(STATE_WORDS.get(state) or CLASS_WORDS.get(state) or state)


def state_kind(state: str) -> str:
    """Which icon and colour; a state nobody mapped is no data, not running. Planned rest is no alarm."""
    return "idle" if class_kind(state) == PLANNED else STATE_KINDS.get(state, UNKNOWN)


def class_word(time_class: str) -> str:
    return str(CLASS_WORDS.get(time_class, time_class))


def class_and_reason(word: str, reason: str) -> str:
    """A kind of time and why; a reason that only repeats the kind is not said twice."""
    if not reason:
        return word
    head, rest = word[: len(reason)], word[len(reason) :]
    if head.casefold() == reason.casefold() and not rest[:1].isalnum():
        return word
    return f"{word} · {reason}"


def class_kind(time_class: str) -> str:
    return CLASS_KINDS.get(time_class, UNKNOWN)


def order_state_word(state: str) -> str:
    return str(ORDER_STATE_WORDS.get(state, state))


def action_state_word(state: str) -> str:
    return str(ACTION_STATE_WORDS.get(state, state))


def order_kind(state: str) -> str:
    """Icon and colour of an order's state: only an interruption or an abort is not normal."""
    return {"running": RUN, "interrupted": WAIT, "aborted": STOP, "ended": "yes"}.get(state, "idle")


def quantity(value: Decimal | int | float | None) -> str:
    """Whole numbers without decimals, others with up to two; a dash for unknown, which is not zero."""
    if value is None:
        return "–"
    exact = Decimal(str(value))
    places = 0 if exact == exact.to_integral_value() or abs(exact) >= 1000 else 2
    rounded = round(exact, places)
    return number_format(rounded, places, force_grouping=True).replace("-", MINUS)


def money(amount: Decimal | None, currency: str) -> str:
    """Whole units of money from ten on; a dash for unknown, which is not zero."""
    if amount is None or not currency:
        return "–"
    places = 0 if abs(amount) >= 10 else 2
    text = number_format(round(amount, places), places, force_grouping=True).replace("-", MINUS)
    return f"{text} {currency}"


def percent(ratio: Decimal | float | None) -> str:
    return "–" if ratio is None else f"{number_format(round(float(ratio) * 100, 1), 1)} %".replace("-", MINUS)


def span(value: timedelta | float | None) -> str:
    """A duration as people say it: 45 s, 12 min 05 s, 3 h 07 min."""
    if value is None:
        return "–"
    seconds = int(value.total_seconds() if isinstance(value, timedelta) else value)
    if seconds < 0:
        return f"−{span(-seconds)}"
    if seconds < 60:
        return f"{seconds} s"
    if seconds < 3600:
        return f"{seconds // 60} min {seconds % 60:02d} s"
    return f"{seconds // 3600} h {seconds % 3600 // 60:02d} min"


def span_minutes(value: timedelta) -> str:
    """To the minute, for figures read from afar: 45 s, 12 min, 3 h 07 min."""
    seconds = int(value.total_seconds())
    if seconds < 60:
        return f"{seconds} s"
    minutes = (seconds + 30) // 60
    return f"{minutes} min" if minutes < 60 else f"{minutes // 60} h {minutes % 60:02d} min"


def day_clock(at: datetime | None, zone: ZoneInfo) -> str:
    """Day and time in the site's zone, the day as the reader's language writes it."""
    return "–" if at is None else f"{day_month(at.astimezone(zone))} {at.astimezone(zone):%H:%M}"


def day_month(day: date) -> str:
    """A day of this year or so: 20 Nov in English, 20/11 in French."""
    return date_format(day, "MONTH_DAY_FORMAT")


def day_year_clock(at: datetime, zone: ZoneInfo) -> str:
    local = at.astimezone(zone)
    return f"{date_format(local, 'SHORT_DATE_FORMAT')} {local:%H:%M}"


def clock_or_day(at: datetime | None, zone: ZoneInfo, now: datetime) -> str:
    """The time alone on the day of ``now`` in the site's zone, day and time on any other."""
    if at is not None and at.astimezone(zone).date() == now.astimezone(zone).date():
        return at.astimezone(zone).strftime("%H:%M")
    return day_clock(at, zone)


def piece_word(unit: str) -> str:
    return _("pcs") if unit in ("", "pcs", "pc") else unit


def labelled(what: object, text: object) -> str:
    """French sets a no-break space before the colon; so does every mark that joins two parts here."""
    return _("%(what)s: %(text)s") % {"what": what, "text": text}


def joined(parts: Iterable[str]) -> str:
    """What there is of the parts, one after the other."""
    return pgettext("between parts", "; ").join(part for part in parts if part)
