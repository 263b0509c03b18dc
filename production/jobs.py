"""Work this app asks for, by name; bound in ``tasks``."""

from __future__ import annotations

from plant.jobs import Job

STITCH = Job("production.stitch", "stitch")
SWEEP = Job("production.sweep", "stitch")
REASONS = Job("production.reasons", "stitch")
ROLLUPS = Job("production.rollups", "default")
