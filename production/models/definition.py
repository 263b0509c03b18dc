"""How a product is meant to be made: work masters, their segments and materials, ideal rates, changeover
standards.
"""

from __future__ import annotations

from datetime import timedelta

from django.db import models

from plant.models.base import Configuration, Named


class WorkMaster(Configuration, Named):
    """The approved way to make one product on one line (IEC 62264-4 work master); orders copy nothing from
    it.
    """

    code = models.CharField(max_length=60, unique=True, help_text="Unique code of the routing.")
    product = models.ForeignKey(
        "plant.MaterialDefinition", models.PROTECT, related_name="+", help_text="The product it makes."
    )
    line = models.ForeignKey(
        "plant.Equipment", models.PROTECT, related_name="+", help_text="The line it runs on."
    )
    version = models.PositiveIntegerField(
        default=1, help_text="Version of the routing; a change is a new version."
    )
    is_active = models.BooleanField(default=True, help_text="Unticked when no new order may use it.")

    class Meta:
        ordering = ["code"]

    def __str__(self) -> str:
        return self.code


class OperationsSegment(Configuration, Named):
    """One step of a work master, done by one class of equipment: filling, capping, palletising."""

    work_master = models.ForeignKey(
        WorkMaster, models.CASCADE, related_name="segments", help_text="The routing it is a step of."
    )
    position = models.PositiveSmallIntegerField(help_text="Order of the step, first lowest.")
    code = models.CharField(max_length=40, help_text="Code of the step, unique in its routing.")
    equipment_class = models.ForeignKey(
        "plant.EquipmentClass",
        models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        help_text="Machines that can do it.",
    )

    class Meta:
        ordering = ["work_master", "position"]
        constraints = [
            models.UniqueConstraint(fields=["work_master", "code"], name="segment_code_once"),
            models.UniqueConstraint(fields=["work_master", "position"], name="segment_position_once"),
        ]

    def __str__(self) -> str:
        return f"{self.work_master_id} {self.code}"


class BillOfMaterialsItem(Configuration):
    """A material one unit of the product needs. A lot of anything else is refused at the scan."""

    work_master = models.ForeignKey(
        WorkMaster, models.CASCADE, related_name="materials", help_text="The routing it is used in."
    )
    segment = models.ForeignKey(
        OperationsSegment,
        models.CASCADE,
        null=True,
        blank=True,
        related_name="+",
        help_text="The step that uses it.",
    )
    material = models.ForeignKey(
        "plant.MaterialDefinition", models.PROTECT, related_name="+", help_text="What is used."
    )
    quantity = models.DecimalField(
        max_digits=20, decimal_places=6, help_text="How much one unit of the product needs, without scrap."
    )
    unit = models.CharField(max_length=12, help_text="Unit of the quantity, such as pcs, kg or l.")

    class Meta:
        ordering = ["work_master", "material"]
        constraints = [
            models.UniqueConstraint(fields=["work_master", "material"], name="bom_material_once"),
            models.CheckConstraint(condition=models.Q(quantity__gt=0), name="bom_quantity_positive"),
        ]

    def __str__(self) -> str:
        return f"{self.quantity} {self.unit} of {self.material_id}"


class IdealRate(Configuration):
    """The fastest sustainable rate of a machine or line for a product, from a date on. A change is a new
    row.
    """

    equipment = models.ForeignKey(
        "plant.Equipment", models.CASCADE, related_name="+", help_text="The machine or line."
    )
    product = models.ForeignKey(
        "plant.MaterialDefinition",
        models.CASCADE,
        null=True,
        blank=True,
        related_name="+",
        help_text="The product; empty for any product without a rate of its own.",
    )
    units_per_hour = models.DecimalField(
        max_digits=14, decimal_places=4, help_text="Units of the product per hour."
    )
    valid_from = models.DateTimeField(
        help_text="From when on (UTC), until a later row of the same machine and product."
    )
    source = models.CharField(
        max_length=160, blank=True, help_text="Who or what says so, such as 'acceptance test 2025'."
    )
    recorded_at = models.DateTimeField(auto_now_add=True, help_text="When this rate was entered.")

    class Meta:
        ordering = ["equipment", "product", "valid_from"]
        constraints = [
            models.UniqueConstraint(
                fields=["equipment", "product", "valid_from"], nulls_distinct=False, name="ideal_rate_once"
            ),
            models.CheckConstraint(condition=models.Q(units_per_hour__gt=0), name="ideal_rate_positive"),
        ]

    def __str__(self) -> str:
        return f"{self.units_per_hour}/h"


class UnitConversion(Configuration):
    """What a unit that a machine counts in makes of a product: so much of it is so much in the product's own
    unit, from a date on. A change is a new row.
    """

    product = models.ForeignKey(
        "plant.MaterialDefinition", models.CASCADE, related_name="+", help_text="The product."
    )
    equipment = models.ForeignKey(
        "plant.Equipment",
        models.CASCADE,
        null=True,
        blank=True,
        related_name="+",
        help_text="The machine it holds for; empty for all without one of their own.",
    )
    unit = models.CharField(
        max_length=20, help_text="Unit that is counted in, as its signal says: case, kg, m."
    )
    counted = models.DecimalField(
        max_digits=20, decimal_places=6, default=1, help_text="So much of that unit…"
    )
    makes = models.DecimalField(
        max_digits=20, decimal_places=6, help_text="…is so much of the product in its own unit."
    )
    valid_from = models.DateTimeField(
        help_text="From when on (UTC), until a later row of the same product, machine and unit."
    )
    source = models.CharField(
        max_length=160, blank=True, help_text="Who or what says so, such as 'packing list 12'."
    )
    recorded_at = models.DateTimeField(auto_now_add=True, help_text="When this was entered.")

    class Meta:
        ordering = ["product", "equipment", "unit", "valid_from"]
        constraints = [
            models.UniqueConstraint(
                fields=["product", "equipment", "unit", "valid_from"],
                nulls_distinct=False,
                name="unit_conversion_once",
            ),
            models.CheckConstraint(
                condition=models.Q(counted__gt=0) & models.Q(makes__gt=0), name="unit_conversion_positive"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.counted} {self.unit} = {self.makes}"


class ChangeoverStandard(Configuration):
    """The time a line should need from the last good piece of one product to the first of the next, at rate.

    Looked up by product × product, then family × family, then the line's default (all empty).
    """

    line = models.ForeignKey("plant.Equipment", models.CASCADE, related_name="+", help_text="The line.")
    from_product = models.ForeignKey(
        "plant.MaterialDefinition",
        models.CASCADE,
        null=True,
        blank=True,
        related_name="+",
        help_text="Product before.",
    )
    from_family = models.CharField(max_length=40, blank=True, help_text="Product family before.")
    to_product = models.ForeignKey(
        "plant.MaterialDefinition",
        models.CASCADE,
        null=True,
        blank=True,
        related_name="+",
        help_text="Product after.",
    )
    to_family = models.CharField(max_length=40, blank=True, help_text="Product family after.")
    seconds = models.PositiveIntegerField(help_text="Standard duration in seconds.")

    class Meta:
        ordering = ["line", "from_family", "to_family"]
        constraints = [
            models.UniqueConstraint(
                fields=["line", "from_product", "from_family", "to_product", "to_family"],
                nulls_distinct=False,
                name="changeover_standard_once",
            )
        ]

    def __str__(self) -> str:
        return f"{self.line_id}: {self.seconds} s"


class ChangeoverStep(Configuration, Named):
    """One step of a changeover's checklist. External: can be done while the old order still runs or the new
    one already does (SMED); internal: needs the line to stand still.
    """

    changeover = models.ForeignKey(
        ChangeoverStandard, models.CASCADE, related_name="steps", help_text="The standard it is a step of."
    )
    position = models.PositiveSmallIntegerField(help_text="Order of the step, first lowest.")
    code = models.CharField(max_length=40, help_text="Code of the step, unique in its checklist.")
    is_external = models.BooleanField(
        default=False, help_text="Ticked when it can be done while the line runs."
    )
    standard_time = models.DurationField(null=True, blank=True, help_text="How long it should take.")

    class Meta:
        ordering = ["changeover", "position", "code"]
        constraints = [
            models.UniqueConstraint(fields=["changeover", "code"], name="changeover_step_once"),
            models.CheckConstraint(
                condition=models.Q(standard_time__isnull=True) | models.Q(standard_time__gt=timedelta()),
                name="changeover_step_time_positive",
            ),
        ]

    def __str__(self) -> str:
        return self.code


class ContributionRate(Configuration):
    """What one good piece of a product brings in after what it consumes, from a date on. A change is a new
    row.
    """

    product = models.ForeignKey(
        "plant.MaterialDefinition", models.CASCADE, related_name="+", help_text="The product."
    )
    per_unit = models.DecimalField(
        max_digits=14, decimal_places=6, help_text="Contribution of one unit of the product."
    )
    currency = models.CharField(max_length=3, default="EUR", help_text="ISO 4217 code, such as EUR.")
    valid_from = models.DateTimeField(help_text="From when on (UTC), until a later row of the same product.")
    source = models.CharField(
        max_length=160, blank=True, help_text="Who or what says so, such as 'controlling 2026'."
    )
    recorded_at = models.DateTimeField(auto_now_add=True, help_text="When this was entered.")

    class Meta:
        ordering = ["product", "valid_from"]
        constraints = [
            models.UniqueConstraint(fields=["product", "valid_from"], name="contribution_rate_once"),
            models.CheckConstraint(
                condition=models.Q(per_unit__gte=0), name="contribution_rate_not_negative"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.per_unit} {self.currency}"
