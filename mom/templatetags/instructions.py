"""The work instructions of an order, for its record."""

from __future__ import annotations

from django import template

from production.selectors.instructions import InstructionOfOrder, instructions_read
from production.selectors.lookups import job_order_for_code

register = template.Library()


@register.simple_tag
def instructions_of(order_code: str) -> list[InstructionOfOrder]:
    """What an order was made by, and who read it; nothing where it is bound to no instruction."""
    return instructions_read(job_order_for_code(order_code).pk)
