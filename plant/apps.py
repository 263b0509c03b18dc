from __future__ import annotations

from typing import Any

from django.apps import AppConfig
from django.contrib.admin import apps as admin_apps
from django.contrib.admin.sites import AdminSite
from django.contrib.auth import REDIRECT_FIELD_NAME
from django.core.exceptions import PermissionDenied
from django.db.models.signals import post_migrate
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext_lazy as late


class PlantConfig(AppConfig):
    name = "plant"
    default = True
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from plant.roles import grants_apply, report_role_apply
        from plant.services.revisions import configuration_watch

        post_migrate.connect(grants_apply, dispatch_uid="plant.roles")
        post_migrate.connect(report_role_apply, dispatch_uid="plant.roles.report")
        post_migrate.connect(configuration_watch, dispatch_uid="plant.revisions")


class PlantAdminSite(AdminSite):
    """Master data, for those who administer every site; anyone else has a page or an API of their own."""

    site_header = late("Master data")
    site_title = late("Master data")
    index_title = late("Master data")

    def has_permission(self, request: HttpRequest) -> bool:
        # Imported here: models are not loaded yet when this module is.
        from plant import access, selectors

        actor = access.actor_of(request)
        return actor.may("administer") and selectors.may_everywhere(actor, "administer")

    def login(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        from django.contrib.auth.views import redirect_to_login

        if request.user.is_authenticated:
            raise PermissionDenied("master data is for administrators of every site")
        return redirect_to_login(request.GET.get(REDIRECT_FIELD_NAME) or request.get_full_path())


class PlantAdminConfig(admin_apps.AdminConfig):
    default = False
    default_site = "plant.apps.PlantAdminSite"
