from __future__ import annotations

from mom.celery import app as celery_app

__all__ = ["celery_app"]
