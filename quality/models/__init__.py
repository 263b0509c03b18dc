from __future__ import annotations

from quality.models.nonconformance import Disposition, Nonconformance
from quality.models.result import CheckImport, TestResult
from quality.models.specification import SpecificationVersion, TestSpecification

__all__ = [
    "CheckImport",
    "Disposition",
    "Nonconformance",
    "SpecificationVersion",
    "TestResult",
    "TestSpecification",
]
