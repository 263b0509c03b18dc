"""What this floor does when someone says why a machine stopped."""

from __future__ import annotations

from maintenance import services
from plant.hooks import reason_said


def connect() -> None:
    reason_said.register("maintenance.request", services.reason_heard)
