"""/api/v1/connections/{slug}/unmapped: addresses nobody mapped, and those somebody ignores."""

from __future__ import annotations

from typing import Any

from django.shortcuts import get_object_or_404
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from connectors import selectors, services
from connectors.models import UnmappedAddress
from connectors.selectors.unmapped import unmapped_of
from plant.rest import actor_of, once, refuse_unknown

MOST = 1000


class UnmappedAddressSerializer(serializers.ModelSerializer[UnmappedAddress]):
    class Meta:
        model = UnmappedAddress
        fields = ["address", "count", "ignored_count", "first_seen", "last_seen", "example"]


class IgnoredAddressSerializer(serializers.ModelSerializer[UnmappedAddress]):
    class Meta:
        model = UnmappedAddress
        fields = [*UnmappedAddressSerializer.Meta.fields, "ignored_at", "ignored_by", "ignored_why"]


class UnmappedSerializer(serializers.Serializer[Any]):
    connection = serializers.SlugField()
    unmapped = UnmappedAddressSerializer(many=True, help_text="Nobody mapped these; most often first.")
    ignored = IgnoredAddressSerializer(many=True, help_text="Counted, not kept.")
    others = UnmappedAddressSerializer(
        allow_null=True, help_text="Too many to be named, counted together; null: there are none."
    )


class IgnoreSerializer(serializers.Serializer[Any]):
    addresses = serializers.ListField(
        child=serializers.CharField(max_length=400, trim_whitespace=False), min_length=1, max_length=MOST
    )
    why = serializers.CharField(max_length=300, help_text="Why they are not wanted.")


class UnignoreSerializer(serializers.Serializer[Any]):
    addresses = IgnoreSerializer().fields["addresses"]
    why = serializers.CharField(max_length=300, required=False, default="")


class IgnoredSerializer(serializers.Serializer[Any]):
    changed = serializers.IntegerField(help_text="Addresses decided otherwise than before.")


class UnmappedView(APIView):
    required_action = "view"

    @extend_schema(responses=UnmappedSerializer)
    def get(self, request: Request, slug: str) -> Response:
        """Addresses that sent values and that no signal has, with their counts and what one of them said."""
        refuse_unknown(request, set())
        connection = get_object_or_404(selectors.connections_visible(actor_of(request)), slug=slug)
        found = unmapped_of(connection=connection)
        answer = {
            "connection": slug,
            "unmapped": found.listed,
            "ignored": found.ignored,
            "others": found.others,
        }
        return Response(UnmappedSerializer(answer).data)


class UnmappedIgnoreView(APIView):
    required_action = "connection.edit"

    @extend_schema(request=IgnoreSerializer, responses=IgnoredSerializer)
    def post(self, request: Request, slug: str) -> Response:
        """Their values are from now on counted and no longer kept. On record with who and why."""
        actor = actor_of(request)
        connection = get_object_or_404(selectors.connections_visible(actor), slug=slug)
        asked = IgnoreSerializer(data=request.data)
        asked.is_valid(raise_exception=True)

        def write() -> tuple[int, dict[str, int]]:
            changed = services.unmapped_ignore(
                connection=connection, **asked.validated_data, by=actor, now=timezone.now()
            )
            return 200, {"changed": changed}

        return once(request, write)


class UnmappedUnignoreView(APIView):
    required_action = "connection.edit"

    @extend_schema(request=UnignoreSerializer, responses=IgnoredSerializer)
    def post(self, request: Request, slug: str) -> Response:
        """No longer ignored: their values are kept again, as those of any address nobody mapped."""
        actor = actor_of(request)
        connection = get_object_or_404(selectors.connections_visible(actor), slug=slug)
        asked = UnignoreSerializer(data=request.data)
        asked.is_valid(raise_exception=True)

        def write() -> tuple[int, dict[str, int]]:
            changed = services.unmapped_unignore(
                connection=connection, **asked.validated_data, by=actor, now=timezone.now()
            )
            return 200, {"changed": changed}

        return once(request, write)
