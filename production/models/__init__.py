from __future__ import annotations

from production.models.definition import (
    BillOfMaterialsItem,
    ChangeoverStandard,
    ChangeoverStep,
    ContributionRate,
    IdealRate,
    OperationsSegment,
    WorkMaster,
)
from production.models.job_order import JobOrder, JobOrderEvent, JobOrderVersion
from production.models.observed import (
    AlarmInterval,
    OrderSpan,
    QuantityActual,
    StateInterval,
    StitchCheckpoint,
    StitchFailure,
    Stop,
    ToolSpan,
)
from production.models.rule import ReasonRule
from production.models.said import ChangeoverStepAssertion, CountAssertion, NoteAssertion, ReasonAssertion

__all__ = [
    "AlarmInterval",
    "BillOfMaterialsItem",
    "ChangeoverStandard",
    "ChangeoverStep",
    "ChangeoverStepAssertion",
    "ContributionRate",
    "CountAssertion",
    "IdealRate",
    "JobOrder",
    "JobOrderEvent",
    "JobOrderVersion",
    "NoteAssertion",
    "OperationsSegment",
    "OrderSpan",
    "QuantityActual",
    "ReasonAssertion",
    "ReasonRule",
    "StateInterval",
    "StitchCheckpoint",
    "StitchFailure",
    "Stop",
    "ToolSpan",
    "WorkMaster",
]
