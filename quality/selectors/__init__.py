from __future__ import annotations

from quality.selectors.nonconformances import (
    disposition_in_force,
    dispositions_of,
    lot_blocked,
    nonconformance_by_code,
    nonconformances,
    nonconformances_for_order,
    nonconformances_open,
)
from quality.selectors.results import (
    check_imports_known,
    last_by_signal,
    limits_answer,
    result_by_key,
    result_keys,
    results,
    results_for_order,
    source_rows,
)
from quality.selectors.specifications import (
    CheckDue,
    checks_due,
    specification_by_code,
    specifications,
    specifications_by_signal,
    specifications_for_order,
)

__all__ = [
    "CheckDue",
    "check_imports_known",
    "checks_due",
    "disposition_in_force",
    "dispositions_of",
    "last_by_signal",
    "limits_answer",
    "lot_blocked",
    "nonconformance_by_code",
    "nonconformances",
    "nonconformances_for_order",
    "nonconformances_open",
    "result_by_key",
    "result_keys",
    "results",
    "results_for_order",
    "source_rows",
    "specification_by_code",
    "specifications",
    "specifications_by_signal",
    "specifications_for_order",
]
