from __future__ import annotations

from django.apps import AppConfig


class MomConfig(AppConfig):
    name = "mom"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from mom import retaining

        retaining.connect()
