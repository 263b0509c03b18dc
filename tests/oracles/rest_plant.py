"""A small plant that is spoken to by REST alone: orders and samples in, figures out."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from rest_framework.test import APIClient

from plant.models import Equipment
from production import services
from production.models import IdealRate
from tests.factories.plant import Line, account_make, line_make, material_make
from tests.factories.production import STATES, Sender, sender_make

# (instant, role, value); a state by its name.
Told = tuple[datetime, str, Any]
ROLES = ("state", "mode", "fault_code", "good_count", "scrap_count")
YEAR = timedelta(days=365)


@dataclass(slots=True)
class RestLine:
    """A line, what its machines send with, and someone who may do everything there."""

    line: Line
    senders: list[Sender]
    caller: APIClient = field(default_factory=APIClient)

    def send(self, told: Sequence[Told], *, machine: int = 0, watermark: datetime | None = None) -> None:
        """Post samples as one batch, in the order given, and let the machine's rows follow."""
        sender = self.senders[machine]
        samples = [
            {
                "address": sender.signals[role].address,
                "source_time": at.isoformat(),
                "value": STATES.get(value, value) if role == "state" else value,
            }
            for at, role, value in told
        ]
        body: dict[str, Any] = {"connection": sender.connection.slug, "samples": samples}
        if watermark is not None:
            body["watermark"] = watermark.isoformat()
        answer = self.post("/api/v1/samples", body)
        assert answer["quarantined"] == 0
        services.stitch(work_unit_id=sender.unit.pk)

    def order(self, start: datetime, end: datetime | None = None) -> str:
        """An order the whole line works on from ``start`` to ``end``."""
        code = f"PO{uuid.uuid4().hex[:8]}"
        product = material_make().code
        self.post(
            "/api/v1/job-orders",
            {"code": code, "line": self.line.line.code, "product": product, "quantity": "1000000"},
        )
        self.post(f"/api/v1/job-orders/{code}/start", {"at": start.isoformat()})
        if end is not None:
            self.post(f"/api/v1/job-orders/{code}/stop", {"at": end.isoformat()})
        return code

    def post(self, path: str, body: Any) -> Any:
        answer = self.caller.post(path, body, format="json", headers={"Idempotency-Key": str(uuid.uuid4())})
        assert answer.status_code in (200, 201), (path, answer.content)
        return answer.json()

    def get(self, path: str, **query: Any) -> Any:
        answer = self.caller.get(path, query)
        assert answer.status_code == 200, (path, answer.content)
        return answer.json()

    def about(self, what: str, start: datetime, end: datetime, code: str = "") -> Any:
        """``what`` of an equipment in a window, by default of the line's first machine."""
        path = f"/api/v1/equipment/{code or self.line.unit.code}/{what}"
        return self.get(path, start=start.isoformat(), end=end.isoformat())

    def kpi(self, start: datetime, end: datetime, code: str = "") -> Any:
        """The figures of a window, having checked that its time and its losses close."""
        found = self.about("kpi", start, end, code)
        account = found["account"]
        assert amount(account["unexplained"]) == 0
        whole = Decimal((end - start) // timedelta(microseconds=1)) / 1_000_000
        assert sum(amount(value) for value in account["seconds"].values()) == whole
        assert [amount(bridge["difference"]) for bridge in found["bridges"]] == [0, 0]
        return found

    def seconds(self, start: datetime, end: datetime, code: str = "") -> dict[str, Decimal]:
        return {
            name: amount(value) for name, value in self.kpi(start, end, code)["account"]["seconds"].items()
        }

    def stops(self, machine: int = 0) -> list[Any]:
        return list(self.get("/api/v1/stops", equipment=self.senders[machine].unit.code)["results"])


def amount(value: Any) -> Decimal:
    return Decimal(str(value))


def rest_line_make(
    since: datetime,
    *,
    units: int = 1,
    per_hour: Decimal | int | None = None,
    site: Equipment | None = None,
    roles: Sequence[str] = ROLES,
    **limits: Any,
) -> RestLine:
    """A line whose machines may be silent for days; ideal rates and limits hold long before ``since``."""
    line = line_make(units, site=site)
    senders = []
    for unit in line.units:
        for name, value in {"stale_after": timedelta(days=9), **limits}.items():
            setattr(unit, name, value)
        unit.save()
        senders.append(sender_make(unit, roles=roles))
        if per_hour is not None:
            IdealRate.objects.create(
                equipment=unit, units_per_hour=Decimal(per_hour), valid_from=since - YEAR
            )
    made = RestLine(line, senders)
    made.caller.force_login(account_make("admin", line.site))
    return made


def merged(*parts: Iterable[Told]) -> list[Told]:
    """What several signals tell, in the order of time."""
    return sorted((told for part in parts for told in part), key=lambda told: told[0])
