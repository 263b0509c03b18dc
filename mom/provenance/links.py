"""Addresses of the evidence of figures."""

from __future__ import annotations

from datetime import datetime
from urllib.parse import urlencode

from django.utils.html import format_html
from django.utils.safestring import SafeString


def figure_href(code: str, figure: str, start: datetime, end: datetime, **query: str) -> str:
    """Evidence of a figure of a machine or line in [start, end); ``query`` without its empty values."""
    asked = {"start": start.isoformat(), "end": end.isoformat(), **query}
    return f"/equipment/{code}/figures/{figure}/?{urlencode({k: v for k, v in asked.items() if v})}"


def order_figure_href(code: str, figure: str, **query: str) -> str:
    """Evidence of a figure of an order's record."""
    asked = urlencode({name: value for name, value in query.items() if value})
    return f"/orders/{code}/figures/{figure}/{f'?{asked}' if asked else ''}"


def shown_link(opens: str, text: str) -> SafeString:
    """A figure within a sentence, opening what it was made of."""
    return format_html('<a class="plain" href="{}" data-evidence>{}</a>', opens, text)


def lost_events_href(code: str, start: datetime, end: datetime, metric: str, **query: str) -> str:
    """The stretches of time behind a loss of a line, added up by a metric."""
    asked = {"equipment": code, "start": start.isoformat(), "end": end.isoformat(), "metric": metric, **query}
    return f"/losses/events/?{urlencode(asked)}"
