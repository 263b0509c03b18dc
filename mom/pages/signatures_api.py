"""/api/v1/…/signatures: what was signed of an order or a shift, what is known now, and signing it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from django.http import HttpRequest
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import exceptions, serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from mom.pages.lookup import day_or_404, line_or_404
from mom.pages.order_commands import order_or_404
from mom.pages.order_signing import signed_order
from mom.pages.proof import proven
from mom.pages.shift_report import shift_or_404
from mom.record.compose import operational_record
from mom.signing.causes import Causes, causes_of, causes_since
from mom.signing.figures import Figures, changes, comparable, digest_of
from mom.signing.orders import SIGN, order_sign
from mom.signing.selectors import report_versions
from mom.signing.services import shift_figures, shift_sign
from plant.rest import ETagged, actor_of, once, refuse_unknown
from production import selectors as production

if TYPE_CHECKING:
    from mom.signing.models import Signed
    from plant.models import CalendarSlot


class RecordedSerializer(serializers.Serializer):
    """One thing recorded after the signature that the figure is computed from."""

    kind = serializers.CharField(help_text="late_counter, late_state, reasons, counts, plans, rates, …")
    at = serializers.DateTimeField()
    by = serializers.CharField(help_text="A person, a rule, or the connection late values came over.")
    what = serializers.DictField(help_text="The rest of it, as recorded.")


class DifferenceSerializer(serializers.Serializer):
    """A figure that is no longer as signed. No cause: nothing recorded explains it."""

    figure = serializers.CharField(help_text="Path of the figure, such as seconds/breakdown.")
    signed = serializers.CharField(allow_null=True)
    known = serializers.CharField(allow_null=True)
    causes = RecordedSerializer(many=True)


class RestatedSerializer(serializers.Serializer):
    """An entry of the restatement log."""

    at = serializers.DateTimeField(source="recorded_at")
    changes = serializers.DictField(help_text="Figure → [before, after], against what was known until then.")
    causes = serializers.DictField(help_text="What was recorded in between.")


class SignatureSerializer(serializers.Serializer):
    """A signature: it and its figures never change."""

    version = serializers.IntegerField()
    at = serializers.DateTimeField(source="said_at")
    person = serializers.CharField(source="said_by.badge", default=None, allow_null=True)
    name = serializers.CharField(source="signer", help_text="As printed when it was signed.")
    signed_with = serializers.CharField(help_text="password, or pin (badge and PIN).")
    notes = serializers.CharField()
    digest = serializers.CharField(help_text="SHA-256 of the figures in canonical JSON.")
    figures = serializers.DictField()
    restatements = RestatedSerializer(source="restatements.all", many=True)


class SignaturesSerializer(serializers.Serializer):
    """Signatures newest first; the first is in force. ``digest``: send it back to sign what you saw."""

    digest = serializers.CharField()
    figures = serializers.DictField(help_text="Every figure as known now.")
    differences = DifferenceSerializer(many=True)
    signatures = SignatureSerializer(many=True)


class SignSerializer(serializers.Serializer):
    """Who signs, proven anew: the account's ``password``, or ``badge`` and ``pin`` on an enrolled tablet."""

    digest = serializers.CharField(help_text="Of the figures looked at; others by now are not signed.")
    notes = serializers.CharField(
        required=False, allow_blank=True, default="", help_text="Needed to sign again: why."
    )
    password = serializers.CharField(required=False, allow_blank=True, default="", write_only=True)
    badge = serializers.CharField(required=False, allow_blank=True, default="")
    pin = serializers.CharField(required=False, allow_blank=True, default="", write_only=True)


def signatures_data(signed: Sequence[Signed], known: Figures, causes: Causes) -> dict[str, Any]:
    found = changes(signed[0].figures, comparable(known, signed[0].figures)) if signed else {}
    rows = SignatureSerializer(_versioned(signed), many=True).data
    return {
        "digest": digest_of(known),
        "figures": known,
        "differences": [
            {
                "figure": path,
                "signed": before,
                "known": after,
                "causes": [_recorded(kind, row) for kind, row in causes_of(path, causes)],
            }
            for path, (before, after) in found.items()
        ],
        "signatures": rows,
    }


def _versioned(signed: Sequence[Signed]) -> Sequence[Any]:
    """Shift reports are numbered by their order; the serializer reads a number from each."""
    for at, item in enumerate(signed):
        if not hasattr(item, "version"):
            item.version = len(signed) - at  # type: ignore[attr-defined]
    return signed


def _recorded(kind: str, row: dict[str, Any]) -> dict[str, Any]:
    rest = {name: value for name, value in row.items() if name not in ("at", "by")}
    return {"kind": kind, "at": row.get("at"), "by": row.get("by", ""), "what": rest}


def _given(request: Request) -> dict[str, Any]:
    given = SignSerializer(data=request.data)
    given.is_valid(raise_exception=True)
    return dict(given.validated_data)


class OrderSignaturesView(ETagged, APIView):
    """Signatures of an order's record, and the figures they would hold now."""

    required_action = "view"
    required_actions = {"POST": SIGN}

    @extend_schema(operation_id="job_orders_signatures", tags=["job-orders"], responses=SignaturesSerializer)
    def get(self, request: Request, code: str) -> Response:
        refuse_unknown(request, set())
        return Response(self._data(request._request, code))

    @extend_schema(
        operation_id="job_orders_sign",
        tags=["job-orders"],
        request=SignSerializer,
        responses={201: SignaturesSerializer},
    )
    def post(self, request: Request, code: str) -> Response:
        """Sign the record of a finished order. Signing again is a new version; its notes say why."""
        order = order_or_404(request._request, code)
        actor_of(request).require(SIGN, order.line)
        given = _given(request)
        by, signed_with = proven(request._request, given, request.user)

        def write() -> tuple[int, Any]:
            order_sign(
                job_order=order, by=by, notes=given["notes"], seen=given["digest"], signed_with=signed_with
            )
            return 201, self._data(request._request, code)

        return once(request, write)

    def _data(self, request: HttpRequest, code: str) -> dict[str, Any]:
        order = order_or_404(request, code)
        found = signed_order(order, operational_record(order.code, now=timezone.now()))
        return signatures_data(found.signatures, found.known, found.causes)


class ShiftSignaturesView(ETagged, APIView):
    """Signatures of a shift's report, and the figures they would hold now."""

    required_action = "view"
    required_actions = {"POST": "shift.sign"}

    @extend_schema(
        operation_id="equipment_shift_signatures", tags=["equipment"], responses=SignaturesSerializer
    )
    def get(self, request: Request, code: str, day: str, shift: str) -> Response:
        refuse_unknown(request, set())
        return Response(self._data(self._shift(request, code, day, shift)))

    @extend_schema(
        operation_id="equipment_shift_sign",
        tags=["equipment"],
        request=SignSerializer,
        responses={201: SignaturesSerializer},
    )
    def post(self, request: Request, code: str, day: str, shift: str) -> Response:
        """Sign a shift that is over. Signing again is a new version; its notes say why."""
        slot = self._shift(request, code, day, shift)
        actor_of(request).require("shift.sign", slot.line)
        given = _given(request)
        by, signed_with = proven(request._request, given, request.user)

        def write() -> tuple[int, Any]:
            shift_sign(shift=slot, by=by, notes=given["notes"], seen=given["digest"], signed_with=signed_with)
            return 201, self._data(slot)

        return once(request, write)

    def _shift(self, request: Request, code: str, day: str, shift: str) -> CalendarSlot:
        line = line_or_404(request._request, code)
        return shift_or_404(line, day_or_404(day).isoformat(), shift)

    def _data(self, slot: CalendarSlot) -> dict[str, Any]:
        told = production.line_shift(line_id=slot.line_id, shift=slot)
        if told is None:
            raise exceptions.NotFound(f"{slot.code}: no data of this shift, or no machine paces the line")
        known = shift_figures(shift=slot, told=told)
        signed = report_versions(line_id=slot.line_id, start=slot.start_time)
        causes: Causes = {}
        if signed and changes(signed[0].figures, comparable(known, signed[0].figures)):
            causes = causes_since(report=signed[0], since=signed[0].said_at)
        return signatures_data(signed, known, causes)
