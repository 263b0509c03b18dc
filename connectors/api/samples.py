"""/api/v1/samples: bulk write with a key, range read with a cursor."""

from __future__ import annotations

import base64
import binascii
from datetime import datetime
from typing import Any

from django.utils import timezone
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import exceptions
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.utils.urls import replace_query_param
from rest_framework.views import APIView

from connectors import selectors, services
from connectors.api import fields
from connectors.api.bulk import BulkJsonParser, LinesParser
from connectors.domain.columns import instant, micros
from connectors.domain.wire import Unread
from connectors.models import Connection
from connectors.selectors.retired import retired_between
from connectors.selectors.summary import samples_summary
from connectors.services.posting import BadSamples, columns_of, instant_of, lines_of
from plant.rest import Streamed, actor_of, once, refuse_unknown, stream_window, streamed

QUALITIES = ("good", "uncertain", "bad")
TOLD_LINES = 100
PAGE, LARGEST, MOST_BUCKETS = 1000, 20_000, 5000
KNOWN = frozenset({"connection", "samples", "watermark"})


class SamplesView(Streamed, APIView):
    required_action = "view"
    required_actions = {"GET": "view", "POST": "sample.write"}
    parser_classes = (BulkJsonParser, LinesParser)

    @extend_schema(
        request=fields.PostSerializer,
        responses={201: fields.PostedSerializer},
        parameters=[OpenApiParameter("Idempotency-Key", str, OpenApiParameter.HEADER, required=True)],
    )
    def post(self, request: Request) -> Response:
        """Store up to 20,000 samples. The same Idempotency-Key gets the first answer again.

        As ``application/json`` all or nothing; as ``application/x-ndjson``, one sample a line and
        ``?connection=`` in the address, each line by itself: those refused are told with their number and
        kept under unreadable messages. Either may come with ``Content-Encoding: gzip``.
        """

        def write() -> tuple[int, Any]:
            body = request.data
            if isinstance(body, bytes):
                return self._lines(request, body)
            if (
                not isinstance(body, dict)
                or body.keys() - KNOWN
                or not body.keys() >= {"connection", "samples"}
            ):
                raise BadSamples("expected an object with connection, samples and perhaps watermark")
            connection = self._connection(request, body["connection"])
            now = timezone.now()
            said = body.get("watermark")
            result = services.samples_ingest(
                connection=connection.slug,
                samples=columns_of(body["samples"], now=now),
                now=now,
                watermark=None if said is None else instant(instant_of(said)),
            )
            return 201, _counts(result)

        return once(request, write, required=True)

    def _lines(self, request: Request, body: bytes) -> tuple[int, Any]:
        refuse_unknown(request, {"connection", "watermark"})
        query = request.query_params
        connection = self._connection(request, query.get("connection", ""))
        now, said = timezone.now(), query.get("watermark")
        samples, refused = lines_of(body, now=now)
        unread = [
            Unread(f"line {one.line}", f"line {one.line}: {one.reason}"[:280], one.raw, now)
            for one in refused
        ]
        result = services.samples_ingest(
            connection=connection.slug,
            samples=samples,
            now=now,
            watermark=None if said is None else instant(instant_of(said)),
            unread=unread,
        )
        told = [{"line": one.line, "reason": one.reason} for one in refused[:TOLD_LINES]]
        return 201, {**_counts(result), "refused": told}

    @extend_schema(
        responses=fields.SamplePageSerializer,
        parameters=[
            OpenApiParameter("signal", int, required=True, description="The signal's id."),
            OpenApiParameter("start", datetime, required=True, description="From, inclusive."),
            OpenApiParameter("end", datetime, required=True, description="Until, exclusive."),
            OpenApiParameter(
                "limit", int, description=f"Samples per page, at most {LARGEST} (default {PAGE})."
            ),
            OpenApiParameter("cursor", str, description="From the previous page's ``next``."),
            OpenApiParameter(
                "buckets",
                int,
                description="Instead of samples: lowest, average, highest and last number of each of so "
                f"many equal parts of the range, at most {MOST_BUCKETS}; parts without numbers are left out.",
            ),
        ],
    )
    def get(self, request: Request) -> Any:
        """Samples of one signal in [start, end), oldest first."""
        refuse_unknown(request, {"signal", "start", "end", "buckets"})
        query = request.query_params
        missing = [name for name in ("signal", "start", "end") if name not in query]
        if missing:
            raise exceptions.ValidationError({missing[0]: ["missing"]})
        signal = self._signal(request, query["signal"])
        start, end = instant(instant_of(query["start"])), instant(instant_of(query["end"]))
        if "buckets" in query:
            results = _buckets(signal.pk, start, end, query["buckets"])
            return Response({"next": None, "retired": _retired(signal.pk, start, end), "results": results})
        if stream_window(request):
            rows = (_row(row) for row in selectors.samples_each(signal_id=signal.pk, start=start, end=end))
            return streamed(request, "samples", fields.SampleSerializer, rows)
        limit = _limit(query.get("limit", str(PAGE)))
        after = _after(query["cursor"]) if "cursor" in query else (start, -(2**63))
        found = selectors.samples_page(
            signal_id=signal.pk, start=start, end=end, after=after, limit=limit + 1
        )
        page = found[:limit]
        following = None
        if len(found) > limit:
            cursor = f"{micros(page[-1].source_time)}:{page[-1].source_key}".encode()
            url = request.build_absolute_uri()
            following = replace_query_param(url, "cursor", base64.urlsafe_b64encode(cursor).decode())
        results = [_row(row) for row in page]
        return Response({"next": following, "retired": _retired(signal.pk, start, end), "results": results})

    @staticmethod
    def _connection(request: Request, slug: Any) -> Connection:
        actor = actor_of(request)
        connection = selectors.connections_visible(actor).filter(slug=str(slug)).first()
        if connection is None:
            raise BadSamples(f"connection: {str(slug)[:60]!r} is not known")
        actor.require("sample.write", connection.site)
        return connection

    @staticmethod
    def _signal(request: Request, raw: str) -> Any:
        if not raw.isdecimal():
            raise exceptions.ValidationError({"signal": [f"read {raw!r}, expected the id of a signal"]})
        found = selectors.signals_visible(actor_of(request)).filter(pk=int(raw)).first()
        if found is None:
            raise exceptions.NotFound(f"no signal {raw}")
        return found


def _counts(result: services.Result) -> dict[str, Any]:
    return {
        "received": result.received,
        "stored": result.stored,
        "deduplicated": result.deduplicated,
        "quarantined": result.quarantined,
    }


def _buckets(signal_id: int, start: datetime, end: datetime, raw: str) -> list[dict[str, Any]]:
    if not raw.isdecimal() or not 1 <= int(raw) <= MOST_BUCKETS:
        raise exceptions.ValidationError({"buckets": [f"read {raw!r}, expected 1 to {MOST_BUCKETS}"]})
    parts = int(raw)
    found = samples_summary(signal_ids=[signal_id], start=start, end=end, parts=parts, last=True)
    width = (end - start) / parts
    return [
        {
            "start_time": start + width * one.number,
            "end_time": start + width * (one.number + 1),
            "count": one.count,
            "lowest": one.lowest,
            "average": one.average,
            "highest": one.highest,
            "last": one.last,
            "last_time": one.last_time,
        }
        for one in found
    ]


def _retired(signal_id: int, start: datetime, end: datetime) -> list[dict[str, Any]]:
    """Days of the range that hold nothing any more, and why: an empty range is never silent."""
    return [
        {
            "start_time": one.start_time,
            "end_time": one.end_time,
            "samples": one.samples,
            "dropped_at": one.at,
            "rule": one.rule,
            "why": one.why,
        }
        for one in retired_between(signal_ids=[signal_id], start=start, end=end)
    ]


def _limit(raw: str) -> int:
    if not raw.isdecimal() or not 1 <= int(raw) <= LARGEST:
        raise exceptions.ValidationError({"limit": [f"read {raw!r}, expected 1 to {LARGEST}"]})
    return int(raw)


def _after(raw: str) -> tuple[datetime, int]:
    try:
        at, _, key = base64.urlsafe_b64decode(raw.encode()).decode().partition(":")
        return instant(int(at)), int(key)
    except (ValueError, binascii.Error, OverflowError):
        raise exceptions.ValidationError({"cursor": ["not a cursor of this list"]}) from None


def _row(row: selectors.SampleRow) -> dict[str, Any]:
    return {
        "source_time": row.source_time,
        "server_time": row.server_time,
        "arrival_time": row.arrival_time,
        "value": row.value,
        "quality": QUALITIES[row.quality],
        "historical": row.historical,
    }
