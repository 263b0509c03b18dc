"""What a plant file may hold: its sections in the order they are loaded, each bound to one model by name.

The kind of each value comes from the model's field, so a section is a list of keys. ``key=field`` renames.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

from django.apps import apps
from django.db import models

NAME = "name"


@dataclass(frozen=True)
class Section:
    """One list of the file: rows of a model, found by the fields of ``identity``.

    ``parent`` is the field that points to the row a nested list hangs under; ``place`` is the lookup of the
    path of a row's equipment, empty for what all sites share.
    """

    name: str
    model: str
    identity: tuple[str, ...]
    keys: tuple[str, ...]
    required: tuple[str, ...] = ()
    children: tuple[Section, ...] = ()
    parent: str = ""
    place: str = ""
    nested: bool = False
    """Whether its entries may hold ``children`` of the same section."""
    extra: tuple[str, ...] = field(default=())
    """Keys that are no field: read and written by a function of ``mom.plant_file.special``."""

    @cached_property
    def model_class(self) -> type[models.Model]:
        return apps.get_model(self.model)

    @cached_property
    def fields(self) -> dict[str, models.Field[object, object]]:
        """Model field by the key it has in the file, bilingual names aside."""
        pairs = (key.partition("=") for key in self.keys if key != NAME or not self.bilingual)
        found = {key: self.model_class._meta.get_field(attr or key) for key, _, attr in pairs}
        return {key: item for key, item in found.items() if isinstance(item, models.Field)}

    @cached_property
    def bilingual(self) -> bool:
        """Whether the section's ``name`` is one per language."""
        return NAME in self.keys and hasattr(self.model_class, "name_en")

    @cached_property
    def known(self) -> tuple[str, ...]:
        """Every key an entry may have."""
        own = tuple(key.partition("=")[0] for key in self.keys)
        return own + self.extra + tuple(child.name for child in self.children)


SEGMENTS = Section(
    "segments",
    "production.OperationsSegment",
    ("work_master", "code"),
    ("code", "name", "position", "class=equipment_class"),
    required=("code", "position"),
    parent="work_master",
)
MATERIALS_NEEDED = Section(
    "bom",
    "production.BillOfMaterialsItem",
    ("work_master", "material"),
    ("material", "quantity", "unit"),
    required=("material", "quantity"),
    parent="work_master",
    extra=("segment",),
)
STEPS = Section(
    "steps",
    "production.ChangeoverStep",
    ("changeover", "code"),
    ("code", "name", "position", "external=is_external", "time=standard_time"),
    required=("code",),
    parent="changeover",
)
ROLES = Section(
    "roles",
    "plant.RoleAssignment",
    ("person", "role", "scope"),
    ("role", "scope"),
    required=("role", "scope"),
    parent="person",
    place="scope__path__startswith",
)
EQUIPMENT_KEYS = (
    "code",
    "name",
    "level",
    "class=equipment_class",
    "position",
    "constraint=is_constraint",
    "manual=is_manual",
    "recounts_rework",
    "parallel_orders",
    "parallel_group",
    "minimum_stop",
    "registered_stop",
    "stale_after",
    "no_count_after",
    "no_count_cycles",
    "slow_below",
    "slow_over",
)

SITE = Section(
    "site",
    "plant.Equipment",
    ("code",),
    ("code", "name", "time_zone"),
    required=("code", "time_zone"),
    place="path__startswith",
)
SECTIONS = (
    Section("departments", "plant.Department", ("code",), ("code", "name"), required=("code",)),
    Section(
        "equipment_classes", "plant.EquipmentClass", ("code",), ("code", "name", "parent"), required=("code",)
    ),
    Section(
        "time_models",
        "plant.TimeModel",
        ("equipment_class", "valid_from"),
        ("class=equipment_class", "name", "valid_from", "states", "modes"),
        required=("class", "valid_from"),
    ),
    Section(
        "equipment",
        "plant.Equipment",
        ("code",),
        EQUIPMENT_KEYS,
        required=("code",),
        parent="parent",
        place="path__startswith",
        nested=True,
        extra=("children",),
    ),
    Section(
        "parallel_groups",
        "plant.ParallelGroup",
        ("code",),
        ("code", "name", "line", "minimum_running"),
        required=("code", "line"),
        place="line__path__startswith",
    ),
    Section(
        "links",
        "plant.EquipmentLink",
        ("upstream", "downstream"),
        ("upstream", "downstream", "buffer_capacity", "transit", "tolerance"),
        required=("upstream", "downstream"),
        place="upstream__path__startswith",
    ),
    Section(
        "materials",
        "plant.MaterialDefinition",
        ("code",),
        ("code", "name", "kind", "unit", "family"),
        required=("code", "kind", "unit"),
    ),
    Section(
        "work_masters",
        "production.WorkMaster",
        ("code",),
        ("code", "name", "product", "line", "version", "active=is_active"),
        required=("code", "product", "line"),
        children=(SEGMENTS, MATERIALS_NEEDED),
        place="line__path__startswith",
    ),
    Section(
        "ideal_rates",
        "production.IdealRate",
        ("equipment", "product", "valid_from"),
        ("equipment", "product", "units_per_hour", "valid_from", "source"),
        required=("equipment", "units_per_hour", "valid_from"),
        place="equipment__path__startswith",
    ),
    Section(
        "unit_conversions",
        "production.UnitConversion",
        ("product", "equipment", "unit", "valid_from"),
        ("product", "equipment", "unit", "counted", "makes", "valid_from", "source"),
        required=("product", "unit", "makes", "valid_from"),
    ),
    Section(
        "contribution_rates",
        "production.ContributionRate",
        ("product", "valid_from"),
        ("product", "per_unit", "currency", "valid_from", "source"),
        required=("product", "per_unit", "valid_from"),
    ),
    Section(
        "cost_rates",
        "production.CostRate",
        ("equipment", "valid_from"),
        ("equipment", "per_hour", "currency", "valid_from", "source"),
        required=("equipment", "per_hour", "valid_from"),
        place="equipment__path__startswith",
    ),
    Section(
        "start_up_rules",
        "production.StartUpRule",
        ("equipment", "valid_from"),
        ("equipment", "run_up", "pieces", "long_stop", "valid_from"),
        required=("equipment", "valid_from"),
        place="equipment__path__startswith",
    ),
    Section(
        "changeover_standards",
        "production.ChangeoverStandard",
        ("line", "from_product", "from_family", "to_product", "to_family"),
        ("line", "from_product", "from_family", "to_product", "to_family"),
        required=("line",),
        children=(STEPS,),
        place="line__path__startswith",
        extra=("minutes", "seconds"),
    ),
    Section(
        "calendars",
        "plant.CalendarVersion",
        ("line", "valid_from"),
        ("line", "valid_from"),
        required=("line", "valid_from"),
        place="line__path__startswith",
        extra=("shifts", "closed_days"),
    ),
    Section(
        "work_instructions",
        "production.WorkInstruction",
        ("code",),
        ("code", "name", "product", "class=equipment_class", "owner", "effective_from", "withdrawn"),
        required=("code", "effective_from"),
        extra=("work_master", "segment", "text", "changed"),
    ),
    Section(
        "reasons",
        "plant.Reason",
        ("code",),
        (
            "code",
            "name",
            "parent",
            "class=equipment_class",
            "department",
            "time_class",
            "opens_request",
            "position",
            "active=is_active",
            "catch_all=is_catch_all",
            "valid_from",
            "valid_to",
            "expected_duration",
            "explains",
        ),
        required=("code",),
        nested=True,
        parent="parent",
        extra=("children",),
    ),
    Section(
        "reason_rules",
        "production.ReasonRule",
        ("code",),
        (
            "code",
            "name",
            "equipment",
            "class=equipment_class",
            "fault_code",
            "reason",
            "priority",
            "look_back",
            "valid_from",
            "active=is_active",
        ),
        required=("code", "fault_code", "reason"),
    ),
    Section(
        "reaction_plans",
        "mom.ReactionPlan",
        ("code",),
        (
            "code",
            "name",
            "equipment",
            "reason",
            "time_class",
            "department",
            "role",
            "calls",
            "within",
            "escalate_after",
            "escalates_to",
            "active=is_active",
        ),
        required=("code", "within"),
        extra=("authority",),
    ),
    Section(
        "persons",
        "plant.Person",
        ("badge",),
        ("badge", "name", "language", "active=is_active"),
        required=("badge",),
        children=(ROLES,),
        extra=("pin",),
    ),
    Section(
        "connections",
        "connectors.Connection",
        ("slug",),
        ("slug", "name", "protocol", "config", "state_map", "enabled"),
        required=("slug", "protocol"),
        place="site__path__startswith",
    ),
    Section(
        "signals",
        "connectors.SignalDefinition",
        ("connection", "address"),
        (
            "connection",
            "address",
            "name",
            "equipment",
            "role",
            "unit",
            "value_type",
            "state_map",
            "department",
            "counter_modulus",
            "maximum_rate",
            "total_includes_scrap",
        ),
        required=("connection", "address", "equipment", "role"),
        place="equipment__path__startswith",
        extra=("setpoint_for",),
    ),
    Section(
        "test_specifications",
        "quality.TestSpecification",
        ("code",),
        (
            "code",
            "name",
            "equipment",
            "department",
            "unit",
            "lower",
            "upper",
            "target",
            "every_minutes",
            "at_start",
            "connection",
            "address",
            "method",
            "active=is_active",
        ),
        required=("code", "equipment"),
        place="equipment__path__startswith",
        extra=("products",),
    ),
)
IGNORED = ("simulation",)
