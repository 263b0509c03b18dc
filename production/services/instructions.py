"""Writing work instructions, version by version, and saying that one was read."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.db import transaction
from django.db.models import Max
from django.utils import timezone
from django.utils.translation import gettext as _

from plant import audit
from plant import services as plant
from plant.access import Actor
from production.models import InstructionReading, JobOrder, WorkInstruction
from production.services.assertions import Refused, _equipment, _say, _told

LARGEST_IMAGE = 2 * 1024 * 1024
SIGNS = {b"\x89PNG\r\n\x1a\n": "image/png", b"\xff\xd8\xff": "image/jpeg"}


@dataclass(frozen=True, slots=True)
class Written:
    """One version of an instruction as it was written. ``product_id``…: what it is bound to; None: any."""

    code: str
    name_en: str
    name_fr: str
    text_en: str
    text_fr: str
    effective_from: datetime
    changed_en: str = ""
    changed_fr: str = ""
    product_id: int | None = None
    segment_id: int | None = None
    equipment_class_id: int | None = None
    owner_id: int | None = None
    image: bytes = b""
    withdrawn: bool = False


def image_type(image: bytes) -> str:
    """The content type a picture's first bytes say; Refused for anything else than PNG and JPEG."""
    if len(image) > LARGEST_IMAGE:
        raise Refused(_("The picture is larger than 2 MB."))
    found = next((kind for sign, kind in SIGNS.items() if image.startswith(sign)), "")
    if not found:
        raise Refused(_("The picture is neither PNG nor JPEG."))
    return found


@transaction.atomic
def instruction_write(*, written: Written, by: Actor) -> WorkInstruction:
    """Store the next version of an instruction. Refused without a code, a name or a text, and where nothing
    says what is new in a later version.
    """
    by.require("order.plan")
    code = written.code.strip()
    if not code or not (written.name_en or written.name_fr):
        raise Refused(_("An instruction needs a code and a name."))
    if not written.withdrawn and not (written.text_en.strip() or written.text_fr.strip()):
        raise Refused(_("The instruction is empty."))
    last = WorkInstruction.objects.filter(code=code).aggregate(version=Max("version"))["version"] or 0
    if last and not (written.changed_en.strip() or written.changed_fr.strip()):
        raise Refused(_("Say what is new in this version: whoever reads it is told."))
    values = {name: getattr(written, name) for name in Written.__dataclass_fields__ if name != "code"}
    made = WorkInstruction.objects.create(
        code=code,
        version=last + 1,
        image_type=image_type(written.image) if written.image else "",
        author=by.label[:80],
        **values,
    )
    audit.record(
        by=by,
        action="order.plan",
        subject_type="work_instruction",
        subject_code=str(made),
        why=written.changed_en or written.changed_fr,
        after={"effective_from": made.effective_from.isoformat(), "withdrawn": made.withdrawn},
    )
    for line_id in _lines_at_work():
        plant.revision_bump(line_id=line_id)
    return made


def _lines_at_work() -> list[int]:
    """Lines with an order at work: whoever stands there is asked to read what is new."""
    running = JobOrder.objects.filter(state__in=("running", "interrupted")).order_by("line_id")
    return list(running.values_list("line_id", flat=True).distinct())


@transaction.atomic
def instruction_read(
    *, job_order_id: int, instruction_id: int, equipment_id: int, by: Actor, at: datetime | None = None
) -> InstructionReading:
    """Confirm having read one version, for an order, at a station. Saying it again changes nothing."""
    equipment = _equipment(equipment_id)
    by.require("note.write", equipment)
    known = WorkInstruction.objects.defer("image").filter(pk=instruction_id).first()
    order = JobOrder.objects.filter(pk=job_order_id).first()
    if known is None or order is None:
        raise Refused(_("This instruction is not known."))
    before = InstructionReading.objects.filter(
        job_order_id=job_order_id, instruction_id=instruction_id, said_by_id=by.person_id
    )
    if by.person_id is not None and (said := before.first()) is not None:
        return said
    said = _say(
        InstructionReading,
        by=by,
        at=at or timezone.now(),
        supersedes=None,
        job_order_id=job_order_id,
        instruction_id=instruction_id,
        equipment_id=equipment_id,
    )
    _told(said, "note.write", equipment, by, {"read": str(known), "order": order.code})
    return said
