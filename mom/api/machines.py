"""/api/v1/job-orders/<code>/machines: who takes the order, what was sent, and sending it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from drf_spectacular.utils import extend_schema
from rest_framework import exceptions, serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from connectors.selectors.job_control import job_receivers
from connectors.services.job_control import job_send
from mom.pages.machine_orders import SEND, SENDING, job_of, jobs_sent
from mom.pages.order_commands import order_or_404
from plant.rest import BadgeField, actor_for, actor_of

if TYPE_CHECKING:
    from plant.models import AuditEntry
    from production.models import JobOrder


class SentSerializer(serializers.Serializer):
    """``accepted``: the machine's ReturnStatus was that of success; ``status`` null: it did not answer."""

    at = serializers.DateTimeField()
    by = serializers.CharField()
    machine = serializers.CharField()
    command = serializers.ChoiceField(choices=list(SENDING))
    why = serializers.CharField(allow_blank=True)
    accepted = serializers.BooleanField()
    status = serializers.IntegerField(allow_null=True)
    problems = serializers.ListField(child=serializers.CharField())


class OrderMachinesSerializer(serializers.Serializer):
    """``machines``: connections that take this order; ``sent``: the last ones, newest first."""

    job_order = serializers.CharField()
    machines = serializers.ListField(child=serializers.CharField())
    sent = SentSerializer(many=True)


class SendSerializer(serializers.Serializer):
    machine = serializers.CharField(max_length=60)
    command = serializers.ChoiceField(choices=list(SENDING))
    why = serializers.CharField(max_length=300, default="", allow_blank=True)
    person = BadgeField(help_text="Badge of who sends, when a program does it for them.")


class OrderMachinesView(APIView):
    """Machines of the line that take job orders (OPC 10031-4), and what was sent to them of this order."""

    required_action = "view"
    required_actions = {"POST": SEND}

    @extend_schema(operation_id="job_orders_machines", responses=OrderMachinesSerializer)
    def get(self, request: Request, code: str) -> Response:
        return Response(order_machines(order_or_404(request._request, code)))

    @extend_schema(
        operation_id="job_orders_machines_send",
        request=SendSerializer,
        responses={201: OrderMachinesSerializer},
    )
    def post(self, request: Request, code: str) -> Response:
        """Send or command. 201: on record, whatever the machine said; the first of ``sent`` tells.

        Takes as long as the machine, 30 s at most. Sent twice, a machine refuses an order it has.
        """
        order = order_or_404(request._request, code)
        actor_of(request).require(SEND, order.line)
        data = SendSerializer(data=request.data)
        data.is_valid(raise_exception=True)
        given = data.validated_data
        receivers = {one.slug: one for one in job_receivers(path=order.line.path)}
        if given["machine"] not in receivers:
            expected = ", ".join(receivers) or "no machine: none of this line takes orders"
            raise exceptions.ValidationError(
                {"machine": [f"read {given['machine']!r}, expected one of {expected}"]}
            )
        job_send(
            connection=receivers[given["machine"]],
            verb=given["command"],
            job=job_of(order),
            by=actor_for(request, given["person"]),
            why=given["why"],
        )
        return Response(order_machines(order), status=201)


def order_machines(order: JobOrder) -> dict[str, Any]:
    answer = {
        "job_order": order.code,
        "machines": [one.slug for one in job_receivers(path=order.line.path)],
        "sent": [_sent(entry) for entry in jobs_sent(order)],
    }
    return dict(OrderMachinesSerializer(answer).data)


def _sent(entry: AuditEntry) -> dict[str, Any]:
    after = entry.after or {}
    return {
        "at": entry.at,
        "by": entry.person.name if entry.person else entry.actor,
        "machine": after.get("connection", ""),
        "command": entry.action.removeprefix("job."),
        "why": entry.why,
        "accepted": after.get("status") is not None and not after.get("problems"),
        "status": after.get("status"),
        "problems": after.get("problems", []),
    }
