from __future__ import annotations

from plant.jobs import Job

RESULTS_PULL = Job("quality.results_pull", "default")
