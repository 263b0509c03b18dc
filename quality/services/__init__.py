from __future__ import annotations

from quality.services.imports import checks_import
from quality.services.nonconformances import disposition_set, nonconformance_open
from quality.services.refusals import CheckRefused
from quality.services.results import Measurement, result_correct, result_record
from quality.services.signals import results_pull
from quality.services.specifications import version_keep

__all__ = [
    "CheckRefused",
    "Measurement",
    "checks_import",
    "disposition_set",
    "nonconformance_open",
    "result_correct",
    "result_record",
    "results_pull",
    "version_keep",
]
