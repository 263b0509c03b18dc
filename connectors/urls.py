from __future__ import annotations

from django.urls import URLPattern, URLResolver, path

from connectors import views
from connectors.api.urls import urlpatterns as api

page_urlpatterns: list[URLPattern | URLResolver] = [
    path("connections/", views.connection_list, name="connections"),
    path("connections/new/<slug:protocol>/", views.connection_new, name="connection_new"),
    path("connections/unread/<int:pk>/reprocess/", views.unread_reprocess, name="unread_reprocess"),
    path("connections/<slug:slug>/", views.connection_detail, name="connection"),
    path("connections/<slug:slug>/edit/", views.connection_edit, name="connection_edit"),
    path("connections/<slug:slug>/nodes/", views.connection_nodes, name="connection_nodes"),
    path("connections/<slug:slug>/trust/", views.connection_trust, name="connection_trust"),
    path(
        "connections/<slug:slug>/runners/<uuid:spool>/write-off/",
        views.spool_write_off,
        name="spool_write_off",
    ),
    path("connections/<slug:slug>/map/", views.connection_map, name="connection_map"),
    path("connections/<slug:slug>/unmapped/", views.unmapped_list, name="connection_unmapped"),
    path("connections/<slug:slug>/unmapped/ignore/", views.unmapped_ignore, name="unmapped_ignore"),
    path("connections/<slug:slug>/unmapped/unignore/", views.unmapped_unignore, name="unmapped_unignore"),
    path("connections/<slug:slug>/unread/", views.unread_list, name="connection_unread"),
]
api_urlpatterns: list[URLPattern | URLResolver] = [*api]
