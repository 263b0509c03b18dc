"""What this floor does when someone says why a machine stopped, or takes it back."""

from __future__ import annotations

from maintenance import services
from plant.hooks import reason_said, reason_withdrawn


def connect() -> None:
    reason_said.register("maintenance.request", services.reason_heard)
    reason_withdrawn.register("maintenance.request", services.reason_withdrawn_heard)
