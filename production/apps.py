from __future__ import annotations

from django.apps import AppConfig


class ProductionConfig(AppConfig):
    name = "production"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from production import receivers

        receivers.connect()
