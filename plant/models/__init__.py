from __future__ import annotations

from plant.models.base import TimeClass
from plant.models.calendar import CalendarSlot, CalendarVersion
from plant.models.equipment import (
    ConfigurationRevision,
    Department,
    Equipment,
    EquipmentClass,
    EquipmentLink,
    ParallelGroup,
    Revision,
)
from plant.models.material import MaterialDefinition
from plant.models.personnel import ApiToken, Device, Person, PinAttempt, RoleAssignment, User
from plant.models.reason import Reason
from plant.models.time_model import TimeModel
from plant.models.trail import AuditEntry, Decision, IdempotentRequest

__all__ = [
    "ApiToken",
    "AuditEntry",
    "CalendarSlot",
    "CalendarVersion",
    "ConfigurationRevision",
    "Decision",
    "Department",
    "Device",
    "Equipment",
    "EquipmentClass",
    "EquipmentLink",
    "IdempotentRequest",
    "MaterialDefinition",
    "ParallelGroup",
    "Person",
    "PinAttempt",
    "Reason",
    "Revision",
    "RoleAssignment",
    "TimeClass",
    "TimeModel",
    "User",
]
