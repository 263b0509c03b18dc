from __future__ import annotations

from production.models.definition import (
    BillOfMaterialsItem,
    ChangeoverStandard,
    ChangeoverStep,
    ContributionRate,
    IdealRate,
    OperationsSegment,
    UnitConversion,
    WorkMaster,
)
from production.models.instruction import InstructionReading, WorkInstruction
from production.models.job_order import JobOrder, JobOrderEvent, JobOrderVersion
from production.models.observed import (
    AlarmInterval,
    LotSpan,
    OrderSpan,
    QuantityActual,
    StateInterval,
    StitchCheckpoint,
    StitchFailure,
    Stop,
    ToolSpan,
)
from production.models.rollup import (
    RollupMark,
    RollupMonth,
    RollupOutput,
    RollupReach,
    RollupTime,
    RollupWindow,
)
from production.models.rule import ReasonRule
from production.models.said import ChangeoverStepAssertion, CountAssertion, NoteAssertion, ReasonAssertion
from production.models.station import (
    OrderShareAssertion,
    PresenceAssertion,
    StateAssertion,
    StationWatermark,
)
from production.models.worth import CostRate, StartUpRule

__all__ = [
    "AlarmInterval",
    "BillOfMaterialsItem",
    "ChangeoverStandard",
    "ChangeoverStep",
    "ChangeoverStepAssertion",
    "ContributionRate",
    "CostRate",
    "CountAssertion",
    "IdealRate",
    "InstructionReading",
    "JobOrder",
    "JobOrderEvent",
    "JobOrderVersion",
    "LotSpan",
    "NoteAssertion",
    "OperationsSegment",
    "OrderShareAssertion",
    "OrderSpan",
    "PresenceAssertion",
    "QuantityActual",
    "ReasonAssertion",
    "ReasonRule",
    "RollupMark",
    "RollupMonth",
    "RollupOutput",
    "RollupReach",
    "RollupTime",
    "RollupWindow",
    "StartUpRule",
    "StateAssertion",
    "StateInterval",
    "StationWatermark",
    "StitchCheckpoint",
    "StitchFailure",
    "Stop",
    "ToolSpan",
    "UnitConversion",
    "WorkInstruction",
    "WorkMaster",
]
