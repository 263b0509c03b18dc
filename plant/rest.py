"""The API's ground: keys, allowed actions, strict filters, cursors, errors, writes that count once."""

from __future__ import annotations

import difflib
import hashlib
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID, uuid5

import orjson
from django.core.exceptions import ObjectDoesNotExist, PermissionDenied
from django.db import transaction
from django.db.models import QuerySet
from django.http import FileResponse, Http404, StreamingHttpResponse
from django.utils import timezone
from django_filters.rest_framework import DjangoFilterBackend
from drf_spectacular.utils import PolymorphicProxySerializer, extend_schema
from knox.auth import TokenAuthentication as KnoxAuthentication
from rest_framework import exceptions, pagination, parsers, permissions, renderers, serializers
from rest_framework.request import Request
from rest_framework.response import Response

from plant import selectors, services
from plant.access import NOBODY, Actor
from plant.domain.missing import missing_said
from plant.domain.streams import batches, csv_chunks
from plant.models import ApiToken, Person, User
from plant.services.idempotency import KeyReused

if TYPE_CHECKING:
    from rest_framework.views import APIView

PAGING = frozenset({"cursor", "page_size", "format", "limit"})
STREAMS = frozenset({"csv", "ndjson", "xlsx"})
MOST = 1000  # items of one list to write
ROW_KEYS = UUID("6f1b9c1e-8a55-4c1c-9d2f-1f0a8c9f7b10")
READ_EXPECTED = re.compile(r"(?P<field>\w+): read (?P<read>.*?), expected (?P<expected>.*)", re.DOTALL)


class TokenAuthentication(KnoxAuthentication):
    """``Authorization: Token …``; hashed, expiring, scoped. Puts the key's actor on the request."""

    def authenticate(self, request: Request) -> tuple[User, ApiToken] | None:
        found = super().authenticate(request)
        if found is None:
            return None
        user, token = found
        now = timezone.now()
        if token.last_used_at is None or now - token.last_used_at > timedelta(minutes=1):
            ApiToken.objects.filter(pk=token.pk).update(last_used_at=now)
        request._request.actor = selectors.actor_for_token(token)  # type: ignore[attr-defined]
        return user, token


def actor_of(request: Request) -> Actor:
    actor: Actor = getattr(request._request, "actor", NOBODY)
    return actor


class ActionAllowed(permissions.BasePermission):
    """The view's ``required_action``, or its ``required_actions`` by DRF action or HTTP method."""

    def has_permission(self, request: Request, view: APIView) -> bool:
        action = action_of(view, request.method or "GET")
        if action is None:
            return True
        return actor_of(request).may(action)


def action_of(view: Any, method: str) -> str | None:
    """What a view needs for a method. A view that declares nothing is an error, not open."""
    by_name: dict[str, str] = getattr(view, "required_actions", {})
    for name in (getattr(view, "action", None), method, method.lower()):
        if name in by_name:
            return by_name[name]
    if method in {"OPTIONS", "HEAD", "GET"} and "GET" not in by_name:
        return getattr(view, "required_action", "view")
    action: str | None = view.required_action
    return action


class StrictFilterBackend(DjangoFilterBackend):
    """An unknown filter is refused with the nearest known names, never ignored."""

    def filter_queryset(self, request: Request, queryset: QuerySet[Any], view: Any) -> QuerySet[Any]:
        filterset_class = self.get_filterset_class(view, queryset)
        known = set(filterset_class.base_filters) if filterset_class else set()
        refuse_unknown(request, known | set(getattr(view, "extra_parameters", ())))
        return super().filter_queryset(request, queryset, view)


def refuse_unknown(request: Request, known: set[str]) -> None:
    """Raise 400 for query parameters that are not known, naming the nearest."""
    for name in request.query_params:
        if name in known or name in PAGING:
            continue
        nearest = difflib.get_close_matches(name, sorted(known), n=3, cutoff=0.4)
        expected = ", ".join(nearest or sorted(known)) or "none"
        raise exceptions.ValidationError(
            {name: [f"unknown filter: read {name!r}, expected one of: {expected}"]}
        )


class Cursor(pagination.CursorPagination):
    """Stable under inserts. ``ordering`` is the view's ``cursor_ordering`` (default: the key)."""

    page_size = 100
    max_page_size = 1000
    page_size_query_param = "page_size"
    ordering = "pk"

    def get_ordering(self, request: Request, queryset: QuerySet[Any], view: Any) -> tuple[str, ...]:
        ordering = getattr(view, "cursor_ordering", self.ordering)
        return (ordering,) if isinstance(ordering, str) else tuple(ordering)


class ETagged:
    """Reads carry an ETag of what they answer; asked again with it, an unchanged answer is an empty 304."""

    def finalize_response(self, request: Request, response: Response, *args: Any, **kwargs: Any) -> Response:
        response = super().finalize_response(request, response, *args, **kwargs)  # type: ignore[misc]
        if request.method != "GET" or response.status_code != 200 or response.streaming:
            return response
        body = orjson.dumps(response.data, default=str, option=orjson.OPT_NON_STR_KEYS)
        etag = f'"{hashlib.sha256(body).hexdigest()[:32]}"'
        if etag in request.headers.get("If-None-Match", ""):
            response.data, response.status_code = None, 304
        response.headers["ETag"] = etag
        response.headers["Cache-Control"] = "private, no-cache"
        return response


class OrjsonParser(parsers.BaseParser):
    media_type = "application/json"

    def parse(self, stream: Any, media_type: str | None = None, parser_context: Any = None) -> Any:
        # Through ``body``, which is kept: ``once`` looks at the raw bytes after they were parsed.
        request = (parser_context or {}).get("request")
        raw = stream.read() if request is None else request._request.body
        try:
            return orjson.loads(raw)
        except orjson.JSONDecodeError as error:
            raise exceptions.ParseError(f"not JSON: {error}") from None


class OrjsonRenderer(renderers.JSONRenderer):
    def render(
        self, data: Any, accepted_media_type: str | None = None, renderer_context: Any = None
    ) -> bytes:
        if data is None:
            return b""
        return orjson.dumps(data, default=str, option=orjson.OPT_NON_STR_KEYS)


class CsvRenderer(OrjsonRenderer):
    """Announces the form only: rows go out by ``streamed``, errors as JSON."""

    media_type, format = "text/csv", "csv"


class NdjsonRenderer(CsvRenderer):
    media_type, format = "application/x-ndjson", "ndjson"


class XlsxRenderer(CsvRenderer):
    media_type, format = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", "xlsx"


class Streamed:
    """A list that is also had whole, with ``?format=csv``, ``ndjson`` or ``xlsx``, for a window given."""

    def get_renderers(self) -> list[renderers.BaseRenderer]:
        found: list[renderers.BaseRenderer] = super().get_renderers()  # type: ignore[misc]
        method = getattr(getattr(self, "request", None), "method", "GET")
        if method == "GET" and getattr(self, "action", None) in (None, "list"):
            found += [CsvRenderer(), NdjsonRenderer(), XlsxRenderer()]
        return found

    def finalize_response(self, request: Request, response: Any, *args: Any, **kwargs: Any) -> Any:
        if isinstance(response, Response):
            request.accepted_renderer, request.accepted_media_type = OrjsonRenderer(), "application/json"
        return super().finalize_response(request, response, *args, **kwargs)  # type: ignore[misc]


def stream_window(request: Request, *windows: tuple[str, str]) -> tuple[datetime, datetime] | None:
    """(from, to) of a list asked for as a stream; None for JSON. Refused without a window."""
    wanted = request.accepted_renderer.format in STREAMS
    return services.stream_window(request.query_params, windows or [("start", "end")]) if wanted else None


def streamed(
    request: Request, name: str, row: type[serializers.Serializer], rows: Iterable[Mapping[str, Any]]
) -> Any:
    """All rows, as they look in JSON, in the form asked for; a few at a time, however many there are."""
    kind, fields = request.accepted_renderer.format, row().fields
    if kind == "xlsx":
        times = {key for key, one in fields.items() if isinstance(one, serializers.DateTimeField)}
        amounts = {key for key, one in fields.items() if isinstance(one, serializers.DecimalField)}
        content = services.workbook(name, fields, rows, times=times, amounts=amounts)
        return FileResponse(content, as_attachment=True, filename=f"{name}.xlsx")
    if kind == "csv":
        chunks: Iterable[Any] = csv_chunks(list(fields), rows)
    else:
        chunks = (b"".join(orjson.dumps(one, default=str) + b"\n" for one in some) for some in batches(rows))
    said = {"Content-Disposition": f'attachment; filename="{name}.{kind}"', "Cache-Control": "no-store"}
    return StreamingHttpResponse(chunks, content_type=request.accepted_renderer.media_type, headers=said)


def problem(exc: Exception, context: dict[str, Any]) -> Response | None:
    """Errors as JSON: what went wrong, where, what was expected. Unexpected errors stay errors."""
    if isinstance(exc, KeyReused):
        return Response({"detail": str(exc)}, status=422)
    if isinstance(exc, ObjectDoesNotExist | Http404):
        exc = exceptions.NotFound(missing_said(str(exc), context.get("kwargs") or {}))
    refusable = isinstance(exc, ValueError) and not isinstance(exc, UnicodeError)
    if refusable and getattr(exc, "is_bad_input", False):
        return Response({"detail": str(exc)}, status=400)
    if isinstance(exc, PermissionDenied):
        exc = exceptions.PermissionDenied(str(exc) or None)
    from rest_framework.views import exception_handler  # here: it reads the settings that name this module

    return exception_handler(exc, context)


def once(request: Request, write: Callable[[], tuple[int, Any]], *, required: bool = False) -> Response:
    """Run a write once per Idempotency-Key, in one transaction; the same key gets the first answer again.

    ``write`` returns (status, JSON body). Raises 400 when a key is required and missing.
    """
    key = request.headers.get("Idempotency-Key", "")[:80]
    if not key:
        if required:
            missing = ["header missing: send a new UUID with each write"]
            raise exceptions.ValidationError({"Idempotency-Key": missing})
        with transaction.atomic():
            status, answer = write()
        return Response(answer, status=status)
    body = request._request.body
    caller, route = actor_of(request).label, f"{request.method} {request.path}"
    with transaction.atomic():
        kept = services.answer_kept(caller=caller, key=key, route=route, body=body)
        if kept is not None:
            return Response(kept.answer, status=kept.status, headers={"Idempotent-Replay": "true"})
        status, answer = write()
        answer = orjson.loads(orjson.dumps(answer, default=str, option=orjson.OPT_NON_STR_KEYS))
        services.answer_keep(caller=caller, key=key, route=route, body=body, status=status, answer=answer)
    return Response(answer, status=status)


class ItemErrorSerializer(serializers.Serializer):
    field = serializers.CharField(allow_blank=True)
    read = serializers.CharField(allow_null=True)
    expected = serializers.CharField()


class ItemWrittenSerializer(serializers.Serializer):
    """What became of one item of a list; ``code`` is what the row is addressed by, empty when refused."""

    index = serializers.IntegerField()
    code = serializers.CharField(allow_blank=True)
    action = serializers.ChoiceField(choices=["stored", "refused"])
    status = serializers.IntegerField(help_text="What the item alone would have been answered with.")
    errors = ItemErrorSerializer(many=True)  # type: ignore[assignment]


def one_or_many(
    component: str, one: type[serializers.Serializer], answer: type[serializers.Serializer]
) -> Any:
    """The schema of a POST that stores one row, or up to 1000 given as a list."""
    given: dict[str, Any] = {"resource_type_field_name": None, "many": False}
    many = ItemWrittenSerializer(many=True)
    stored = PolymorphicProxySerializer(f"{component}Stored", [answer, many], **given)
    return extend_schema(
        request=PolymorphicProxySerializer(f"{component}Write", [one, one(many=True)], **given),
        responses={200: many, 201: stored},
    )


def each(
    request: Request,
    reader: type[serializers.Serializer],
    write: Callable[[dict[str, Any]], object],
    turn: Callable[[Any], Any] = lambda item: 0,
) -> Response:
    """Write every item of a list, once per Idempotency-Key: 1 to 1000 items, a refused one stops no other.

    ``reader`` checks an item, ``write`` stores one and returns what the row is addressed by. ``turn`` sorts
    items as read, unchecked, where writing takes locks; the answer is in the order of the list.
    """

    def write_all() -> tuple[int, Any]:
        items: Any = request.data
        if not 1 <= len(items) <= MOST:
            raise exceptions.ValidationError({"detail": f"read {len(items)} items, expected 1 to {MOST}"})
        read = reader()
        with selectors.remembering(), services.revisions_together():
            turns = sorted(enumerate(items), key=lambda one: turn(one[1]))
            results = [_item_write(index, item, read, write) for index, item in turns]
        results.sort(key=lambda done: done["index"])
        stored = any(result["action"] == "stored" for result in results)
        return 201 if stored else 200, results

    return once(request, write_all, required=True)


def _item_write(
    index: int, item: Any, read: serializers.Serializer, write: Callable[[dict[str, Any]], object]
) -> dict[str, Any]:
    done: dict[str, Any] = {"index": index, "code": "", "action": "stored", "status": 201, "errors": []}
    try:
        with transaction.atomic():
            done["code"] = str(write(dict(read.run_validation(item))))
    except Exception as error:
        answer = problem(error, {})
        if answer is None:
            raise
        done["action"], done["status"] = "refused", answer.status_code
        done["errors"] = _item_errors(item, answer.data)
    return done


def _item_errors(item: Any, said: Any) -> list[dict[str, Any]]:
    """The answer to a single refused write, as (field, read, expected)."""
    given: Mapping[str, Any] = item if isinstance(item, Mapping) else {}
    found = []
    for name, messages in (said if isinstance(said, Mapping) else {"detail": said}).items():
        for message in messages if isinstance(messages, list) else [messages]:
            if name in given:
                found.append({"field": name, "read": str(given[name])[:200], "expected": str(message)})
            elif told := READ_EXPECTED.fullmatch(str(message)):
                found.append(told.groupdict())
            else:
                field = "" if name in ("detail", "non_field_errors") else name
                found.append({"field": field, "read": None, "expected": str(message)})
    return found


class KeyField(serializers.CharField):
    """The sender's own key of one row: a list made anew after a crash stores no row twice."""

    def __init__(self, **options: Any) -> None:
        said = "Your own key of this row: sent again, in whatever list, it is stored once."
        super().__init__(max_length=80, default="", allow_blank=True, help_text=said, **options)


def row_key(request: Request, key: str) -> str:
    """What a row is kept under: each sender's keys are its own. Empty for none."""
    return str(uuid5(ROW_KEYS, f"{actor_of(request).label}\n{key}")) if key else ""


class CodeField(serializers.CharField):
    """A row by its business code, both ways: ``find`` turns a code into the row or raises not found."""

    def __init__(self, find: Callable[[str], Any], **options: Any) -> None:
        super().__init__(**options)
        self.find = find

    def to_internal_value(self, data: Any) -> Any:
        code = super().to_internal_value(data)
        try:
            return selectors.remembered((self.find, code), lambda: self.find(code))
        except ObjectDoesNotExist:
            raise serializers.ValidationError(f"read {code!r}, expected a code known here") from None

    def to_representation(self, value: Any) -> str:
        return str(value.code)


class BadgeField(CodeField):
    """A person by badge: whom a program speaks for, when what a person did comes in through it."""

    def __init__(self, **options: Any) -> None:
        super().__init__(_person, default=None, allow_null=True, **options)

    def to_representation(self, value: Any) -> str:
        return str(value.badge)


def _person(badge: str) -> Person:
    person = selectors.person_at_badge(badge)
    if person is None:
        raise Person.DoesNotExist
    return person


def actor_for(request: Request, person: Person | None) -> Actor:
    """The request's actor, as the given person's messenger: the key's rights and label, the person's number.

    Only a program with a key speaks for others; people speak for themselves.
    """
    actor = actor_of(request)
    if person is None or person.pk == actor.person_id:
        return actor
    if request.auth is None:
        raise PermissionDenied(f"{actor.label} may not speak for {person.badge}")
    return replace(actor, person_id=person.pk)
