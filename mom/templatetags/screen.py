"""Small words of every page: icons, state chips, numbers and times as the plant reads them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from django import template
from django.template.context import Context
from django.templatetags.static import static
from django.urls import NoReverseMatch, reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as late

from connectors import registry
from mom.pages import words
from mom.pages.lookup import lines_seen
from mom.pages.reading import MOST_UNCODED
from plant.access import actor_of

register = template.Library()

NAVIGATION = (
    ("overview", late("Plant")),
    ("yesterday", late("Yesterday")),
    ("losses", late("Losses")),
    ("orders", late("Orders")),
    ("stops", late("Stops")),
    ("calls", late("Calls")),
)


@register.simple_tag
def icon(name: str) -> SafeString:
    return format_html(
        '<svg class="icon" aria-hidden="true"><use href="{}#{}"></use></svg>', static("img/icons.svg"), name
    )


@register.simple_tag
def chip(kind: str, word: str) -> SafeString:
    """A state as colour, icon and word: never colour alone."""
    return format_html('<span class="chip chip-{}">{}<span>{}</span></span>', kind, icon(kind), word)


@register.simple_tag
def state_chip(state: str) -> SafeString:
    return chip(words.state_kind(state), words.state_word(state))


@register.filter
def protocol_name(slug: str) -> str:
    """What people call a connector's protocol."""
    return registry.protocol_name(slug)


@register.filter
def class_word(time_class: str) -> str:
    return words.class_word(time_class)


@register.filter
def state_word(state: str) -> str:
    return words.state_word(state)


@register.filter
def gap_word(cause: str) -> str:
    return words.gap_word(cause)


@register.filter
def recovered_word(how: str) -> str:
    return words.recovered_word(how)


@register.filter
def unread_word(reason: str) -> str:
    return words.unread_word(reason)


@register.filter
def order_state_word(state: str) -> str:
    return words.order_state_word(state)


@register.filter
def action_state_word(state: str) -> str:
    return words.action_state_word(state)


@register.filter
def quantity(value: Decimal | int | float | None) -> str:
    """Thousands separated, no trailing zeros; a dash for unknown, which is not zero."""
    return words.quantity(value)


@register.filter
def quantity_input(value: Decimal) -> str:
    """For an input field: no grouping, no trailing zeros."""
    return format(value.normalize(), "f")


@register.filter
def signed(value: Decimal | int | float | None) -> str:
    text = words.quantity(value)
    return f"+{text}" if value is not None and value > 0 else text


@register.filter
def shortfall(value: Decimal | int) -> str:
    """Missing pieces without a sign; what is in favour with a minus."""
    return words.quantity(value)


@register.filter
def whole(value: Decimal | None) -> str:
    """Pieces without fractions, as a target is read from afar; a dash for unknown."""
    return words.quantity(None if value is None else round(value))


@register.filter
def whole_signed(value: Decimal | None) -> str:
    return signed(None if value is None else round(value))


@register.filter
def counted(stops: int) -> str:
    """How many stops wait; a line's reading holds so many at most, and then says there may be more."""
    return f"{stops}+" if stops >= MOST_UNCODED else str(stops)


@register.filter
def before(at: datetime) -> datetime:
    """The instant just before, which belongs to what came before."""
    return at - timedelta(microseconds=1)


@register.filter
def signed_span(value: timedelta) -> str:
    return f"+{words.span_minutes(value)}" if value >= timedelta() else f"−{words.span_minutes(-value)}"


@register.filter
def percent(ratio: Decimal | float | None) -> str:
    return words.percent(ratio)


@register.filter
def points(value: Decimal | float) -> str:
    """Percentage points with one decimal."""
    return words.percent(Decimal(value) / 100).removesuffix("%").strip()


@register.filter
def span(value: timedelta | float | None) -> str:
    return words.span(value)


@register.filter
def span_minutes(value: timedelta | None) -> str:
    """A duration to the minute, without sign; seconds below one minute."""
    if value is None:
        return "–"
    return words.span_minutes(abs(value))


@register.filter
def clock(at: datetime | None, zone: ZoneInfo | None = None) -> str:
    """Hour and minute in the site's time zone."""
    return "–" if at is None else at.astimezone(zone or UTC).strftime("%H:%M")


@register.filter
def clock_seconds(at: datetime | None, zone: ZoneInfo | None = None) -> str:
    return "–" if at is None else at.astimezone(zone or UTC).strftime("%H:%M:%S")


@register.filter
def day_clock(at: datetime | None, zone: ZoneInfo | None = None) -> str:
    return words.day_clock(at, zone or ZoneInfo("UTC"))


@register.filter
def clock_or_day(at: datetime | None, zone: ZoneInfo | None = None) -> str:
    """The time alone today, with its day before."""
    return words.clock_or_day(at, zone or words.UTC, datetime.now(UTC))


@register.filter
def day_clock_seconds(at: datetime | None, zone: ZoneInfo | None = None) -> str:
    if at is None:
        return "–"
    local = at.astimezone(zone or UTC)
    return f"{words.day_month(local)} {local:%H:%M:%S}"


@register.filter
def clock_millis(at: datetime | None, zone: ZoneInfo | None = None) -> str:
    return "–" if at is None else at.astimezone(zone or UTC).strftime("%H:%M:%S.%f")[:-3]


@register.filter
def iso(at: datetime | None) -> str:
    return "" if at is None else at.astimezone(UTC).isoformat().replace("+00:00", "Z")


@register.simple_tag
def now_iso() -> str:
    return datetime.now(UTC).isoformat()


@register.simple_tag
def since(at: datetime | None) -> SafeString | str:
    """Time since an instant; the page goes on counting between polls."""
    if at is None:
        return "–"
    elapsed = words.span(datetime.now(UTC) - at)
    return format_html('<time datetime="{0}" data-since="{0}">{1}</time>', iso(at), elapsed)


@register.simple_tag
def url_if(name: str, *args: Any) -> str:
    """The address of a page, or nothing where this installation has no such page."""
    try:
        return reverse(name, args=args)
    except NoReverseMatch:
        return ""


@register.simple_tag(takes_context=True)
def theme_attribute(context: Context) -> SafeString | str:
    request = context.get("request")
    chosen = request.COOKIES.get("theme") if request else None
    return format_html(' data-theme="{}"', chosen) if chosen in ("light", "dark") else ""


@register.simple_tag(takes_context=True)
def query_with(context: Context, **changes: Any) -> str:
    """The page's own query string with some parameters changed; an empty value takes one away."""
    query = context["request"].GET.copy()
    for name, value in changes.items():
        query.pop(name, None)
        if value not in (None, ""):
            query[name] = str(value)
    return f"?{query.urlencode()}" if query else "?"


@register.inclusion_tag("components/navigation.html", takes_context=True)
def main_navigation(context: Context) -> dict[str, Any]:
    request = context.get("request")
    actor = actor_of(request) if request else None
    here = request.path if request else ""
    links = [(url_if(name), word) for name, word in NAVIGATION] if actor and actor.grants else []
    lines = lines_seen(request) if request and actor and actor.grants else []
    current = next((line for line in lines if here.startswith(f"/lines/{line.code}/")), None)
    return {
        "links": [(url, word, here == url) for url, word in links if url],
        "lines": lines,
        "current": current,
        "request": request,
    }
