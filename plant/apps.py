from __future__ import annotations

from django.apps import AppConfig
from django.db.models.signals import post_migrate


class PlantConfig(AppConfig):
    name = "plant"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from plant.roles import grants_apply

        post_migrate.connect(grants_apply, dispatch_uid="plant.roles")
