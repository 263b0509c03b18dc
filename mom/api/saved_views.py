"""/api/v1/saved-views: filters of a list kept under a name, one's own and those shared with one's lines."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import ObjectDoesNotExist
from django.db.models import QuerySet
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import mixins, serializers, viewsets
from rest_framework.request import Request
from rest_framework.response import Response

from mom.api.filters import SavedViewFilter
from mom.pages.saved_views import kept_query
from mom.saved_views.models import SavedView
from mom.saved_views.selectors import views_visible
from mom.saved_views.services import view_delete, view_save
from plant import selectors
from plant.rest import CodeField, ETagged, actor_of, once


def _line(code: str) -> Any:
    found = selectors.equipment_by_code(code)
    if found.level != "line":
        raise ObjectDoesNotExist(code)
    return found


class SavedViewSerializer(serializers.ModelSerializer):
    owner = serializers.CharField(source="owner.badge")
    line = serializers.CharField(source="line.code", default=None)

    class Meta:
        model = SavedView
        fields = ["id", "page", "name", "query", "owner", "line", "saved_at"]


class SavedViewWriteSerializer(serializers.Serializer):
    """``query``: the filters as in the page's address. ``line``: its people see the view too."""

    page = serializers.ChoiceField(choices=SavedView.Page.choices, default=SavedView.Page.STOPS)
    name = serializers.CharField(max_length=80)
    query = serializers.CharField(max_length=500, default="", allow_blank=True)
    line = CodeField(_line, default=None, allow_null=True)


class SavedViewViewSet(
    ETagged,
    mixins.ListModelMixin,
    mixins.RetrieveModelMixin,
    mixins.DestroyModelMixin,
    viewsets.GenericViewSet,
):
    """Saved views: a person's own, and those shared with lines they may look at."""

    required_action = "view"
    required_actions = {"create": "view", "destroy": "view"}
    serializer_class = SavedViewSerializer
    filterset_class = SavedViewFilter
    queryset = SavedView.objects.none()
    lookup_value_regex = r"\d{1,18}"
    cursor_ordering = ("name", "id")

    def get_queryset(self) -> QuerySet[SavedView]:
        return views_visible(actor_of(self.request))

    @extend_schema(request=SavedViewWriteSerializer, responses={201: SavedViewSerializer}, filters=False)
    def create(self, request: Request) -> Response:
        """Save a view; the same name again replaces one's earlier view of it."""

        def write() -> tuple[int, Any]:
            data = SavedViewWriteSerializer(data=request.data)
            data.is_valid(raise_exception=True)
            values = dict(data.validated_data)
            values["query"] = kept_query(values["query"])
            made = view_save(by=actor_of(request), at=timezone.now(), **values)
            return 201, SavedViewSerializer(made).data

        return once(request, write)

    @extend_schema(responses={204: None}, filters=False)
    def destroy(self, request: Request, pk: str) -> Response:
        """Delete one's own view; anybody else's is not there."""
        view_delete(view_id=int(pk), by=actor_of(request))
        return Response(status=204)
