"""The roof's own tables: actions that follow from what the floors below record."""

from __future__ import annotations

from mom.improvement.models import Action

__all__ = ["Action"]
