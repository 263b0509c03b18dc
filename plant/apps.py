from __future__ import annotations

from django.apps import AppConfig


class PlantConfig(AppConfig):
    name = "plant"
    default_auto_field = "django.db.models.BigAutoField"
