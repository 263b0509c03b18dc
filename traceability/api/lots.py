"""/api/v1/lots and /api/v1/lot-movements."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import exceptions, mixins, viewsets
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from plant.rest import actor_for, actor_of, each, once, one_or_many, refuse_unknown, row_key
from production.selectors.lookups import job_order_codes
from traceability import selectors, services
from traceability.api import fields
from traceability.domain.genealogy import Direction
from traceability.filters import LotFilter, MovementFilter
from traceability.models import LotMovement, MaterialLot
from traceability.selectors import Trace

DIRECTIONS: dict[str, Direction] = {"backward": "backward", "forward": "forward", "both": "both"}
DEPTH = range(1, 201)


class LotViewSet(mixins.ListModelMixin, mixins.RetrieveModelMixin, viewsets.GenericViewSet):
    """Lots: received by POST or made by orders; ``trace`` answers where from and where to in one call."""

    required_actions = {"create": "lot.move"}
    required_action = "view"
    serializer_class = fields.LotSerializer
    filterset_class = LotFilter
    queryset = MaterialLot.objects.none()
    lookup_field = "code"
    lookup_value_regex = "[^/]+"
    cursor_ordering = "code"

    def get_queryset(self) -> QuerySet[MaterialLot]:
        return selectors.lots(actor_of(self.request))

    def get_object(self) -> MaterialLot:
        """By code, else by the supplier's number; 409 with the candidates when several lots carry that."""
        try:
            return selectors.lot_by_code(self.kwargs["code"], among=self.get_queryset())
        except selectors.LotAmbiguous as error:
            raise Ambiguous({"detail": str(error), "candidates": error.candidates}) from None

    @extend_schema(responses=fields.LotDetailSerializer)
    def retrieve(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        return Response(fields.LotDetailSerializer(self.get_object()).data)

    @one_or_many("Lot", fields.LotReceiveSerializer, fields.LotDetailSerializer)
    def create(self, request: Request) -> Response:
        """Receive a lot, or up to 1000 as a list: then a refused one stops no other, and a key is needed."""

        def receive(values: dict[str, Any]) -> MaterialLot:
            by, material = actor_for(request, values.pop("person")), values.pop("material")
            key = row_key(request, values.pop("key"))
            return services.lot_receive(**values, material_code=material, by=by, key=key)

        def write() -> tuple[int, Any]:
            data = fields.LotReceiveSerializer(data=request.data)
            data.is_valid(raise_exception=True)
            return 201, fields.LotDetailSerializer(receive(data.validated_data)).data

        if isinstance(request.data, list):
            return each(request, fields.LotReceiveSerializer, lambda values: receive(values).code)
        return once(request, write)

    @extend_schema(
        parameters=[
            OpenApiParameter("direction", str, enum=list(DIRECTIONS), default="both"),
            OpenApiParameter("depth", int, default=50, description="Steps to follow, 1 to 200."),
        ],
        responses=fields.TraceSerializer,
        filters=False,
    )
    @action(detail=True)
    def trace(self, request: Request, code: str) -> Response:
        refuse_unknown(request, {"direction", "depth"})
        direction = request.query_params.get("direction", "both")
        if direction not in DIRECTIONS:
            raise exceptions.ValidationError(
                {"direction": [f"read {direction!r}, expected backward, forward or both"]}
            )
        lot, depth = self.get_object(), _depth(request.query_params.get("depth", "50"))
        return Response(
            _trace(lot, selectors.trace(lot, direction=DIRECTIONS[direction], depth=depth), direction, depth)
        )


class Ambiguous(exceptions.APIException):
    status_code = 409


def _depth(read: str) -> int:
    if not read.isascii() or not read.isdigit() or int(read[:9]) not in DEPTH:
        raise exceptions.ValidationError({"depth": [f"read {read[:20]!r}, expected 1 to {DEPTH.stop - 1}"]})
    return int(read)


def _trace(lot: MaterialLot, found: Trace, direction: str, depth: int) -> dict[str, Any]:
    def node(pk: int) -> dict[str, Any]:
        each = found.lots[pk]
        return {
            "code": each.code,
            "material": each.material.code,
            "distance": found.distances[pk],
            "supplier": each.supplier,
            "supplier_lot": each.supplier_lot,
            "produced_by": each.produced_by.code if each.produced_by else None,
            "expires_at": each.expires_at,
        }

    codes = {pk: each.code for pk, each in found.lots.items()}
    orders = job_order_codes({edge.job_order_id for edge in found.edges if edge.job_order_id})
    return {
        "lot": lot.code,
        "direction": direction,
        "depth": depth,
        "nodes": [
            node(pk) for pk in sorted(found.distances, key=lambda pk: (found.distances[pk], codes[pk]))
        ],
        "edges": [
            {
                "source": codes[edge.source],
                "target": codes[edge.target],
                "job_order": orders.get(edge.job_order_id or 0),
                "evidence": "told" if edge.told else "booked",
            }
            for edge in found.edges
        ],
        "cycles": [[codes[pk] for pk in group] for group in found.cycles],
        "truncated": found.truncated,
    }


class MovementViewSet(mixins.ListModelMixin, viewsets.GenericViewSet):
    """Everything that happened to lots. POST needs an Idempotency-Key: a scan sent twice counts once."""

    required_actions = {"create": "lot.move"}
    required_action = "view"
    serializer_class = fields.MovementSerializer
    filterset_class = MovementFilter
    queryset = LotMovement.objects.none()
    cursor_ordering = ("at", "id")

    def get_queryset(self) -> QuerySet[LotMovement]:
        return selectors.movements(actor_of(self.request))

    @one_or_many("LotMovement", fields.MovementWriteSerializer, fields.MovementSerializer)
    def create(self, request: Request) -> Response:
        """Store a movement, or up to 1000 as a list: then a refused one stops no other."""

        def write() -> tuple[int, Any]:
            data = fields.MovementWriteSerializer(data=request.data)
            data.is_valid(raise_exception=True)
            movement = _move(request, data.validated_data)
            return 201, fields.MovementSerializer(movement).data

        if isinstance(request.data, list):
            return each(request, fields.MovementWriteSerializer, lambda values: _move(request, values).pk)
        return once(request, write, required=True)


def _move(request: Request, values: dict[str, Any]) -> LotMovement:
    order, equipment = values["job_order"], values["equipment"]
    common: dict[str, Any] = {
        "lot_code": values["lot"],
        "quantity": values["quantity"],
        "unit": values["unit"],
        "at": values["at"],
        "equipment_id": equipment.pk if equipment else None,
        "job_order_id": order.pk if order else None,
        "by": actor_for(request, values["person"]),
        "key": row_key(request, values["key"]),
    }
    if values["kind"] == LotMovement.Kind.CONSUMED:
        return services.lot_consume(
            **common,
            operation=values["operation"],
            override_why=values["override_why"],
            window_start=values["window_start"],
        )
    if values["kind"] == LotMovement.Kind.PRODUCED:
        own = ("window_start", "operation", "expires_at")
        return services.lot_produce(
            **common, material_code=values["material"], **{name: values[name] for name in own}
        )
    return services.lot_move(**common, kind=values["kind"], comment=values["comment"])
