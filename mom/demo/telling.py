"""What people and the ERP tell the product: happenings of the simulation as calls of its API.

A happening is told by the person who would tell it. What the product refuses is kept with its answer in
``refused.jsonl``: a refusal is a finding, either about the product or about the plant file.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from functools import lru_cache
from itertools import groupby
from pathlib import Path
from typing import Any

from mom.demo.client import Answer, Api
from mom.demo.coding import Coder
from mom.demo.events import Happening

logger = logging.getLogger(__name__)
ERP = "ERP"
# Told in this order: what later ones need comes first. Within a group the order does not matter.
PLANS = ("order_released", "order_updated", "sequence_changed")
ONE_AFTER_OTHER = ("lot_produced",)
GROUPS = (("lot_received",), ("lot_consumed", "test_done"), ONE_AFTER_OTHER)
AT_ONCE = 2
LONGEST_LIST = 500
Row = tuple[str, int, Any]
SAMPLES = 20_000


def iso(at: int) -> str:
    """As written by ``isoformat(timespec="milliseconds")``, in less time: it is asked for every sample."""
    second, millisecond = divmod(at, 1000)
    return f"{_second(second)}.{millisecond:03d}+00:00"


@lru_cache(4096)
def _second(second: int) -> str:
    return datetime.fromtimestamp(second, UTC).strftime("%Y-%m-%dT%H:%M:%S")


class Teller:
    """Tells happenings once each: keys are the happening's id within this plant (``instance``)."""

    def __init__(self, api: Api, *, instance: str, folder: Path) -> None:
        self._api, self._instance = api, instance
        self._refusals = folder / "refused.jsonl"
        self.coder = Coder(api, self.key)
        self.told = self.refused = 0

    def key(self, identity: str) -> str:
        return f"demo-{self._instance}-{identity}"

    def plans(self, happenings: Iterable[Happening]) -> None:
        """Orders, in the order they happened: a change needs the order it changes."""
        plans = (happening for happening in happenings if happening.kind in PLANS)
        for kind, part in groupby(plans, key=lambda happening: happening.kind):
            if kind == "order_released":
                self._list_tell(list(part))
            else:
                for happening in part:
                    self._tell(happening)

    def rest(self, happenings: Sequence[Happening]) -> None:
        """What each person has to say of one kind, as lists; the few shortages one by one."""
        with ThreadPoolExecutor(AT_ONCE) as pool:
            for kinds in GROUPS:
                said: dict[tuple[str, str], list[Happening]] = {}
                for happening in happenings:
                    if happening.kind in kinds:
                        said.setdefault((happening.kind, happening.data["by"]), []).append(happening)
                # Two lists at once that make the same lot would wait for each other.
                list((map if kinds == ONE_AFTER_OTHER else pool.map)(self._list_tell, said.values()))
        for happening in happenings:
            if happening.kind == "shortage":
                self._tell(happening)
        self.coder.add(h for h in happenings if h.kind == "stop_coded")

    def _list_tell(self, happenings: Sequence[Happening]) -> None:
        """Happenings of one kind and person."""
        path, row_of = LISTS[happenings[0].kind]
        by = happenings[0].data.get("by", ERP)
        for first in range(0, len(happenings), LONGEST_LIST):
            part = happenings[first : first + LONGEST_LIST]
            # After a crash the lists may be cut differently: each row has a key of its own.
            rows = [row_of(happening, self.key(happening.id)) for happening in part]
            key = self.key(f"{part[0].id}-{part[-1].id}-{len(part)}")
            answer = self._api.call("POST", path, rows, by=by, key=key)
            self.told += len(part)
            for happening, result in zip(part, answer.of_items(len(part)), strict=True):
                if result.refused:
                    self._refuse(happening, result)

    def samples(self, connection: str, rows: Sequence[Row], *, until: int, name: str) -> int:
        """Post (address, ms, value) rows of the past in batches; the last one carries the watermark. Returns
        how many were stored.
        """
        stored = 0
        parts = [rows[first : first + SAMPLES] for first in range(0, len(rows), SAMPLES)] or [[]]
        for number, part in enumerate(parts):
            body: dict[str, Any] = {
                "connection": connection,
                "samples": [
                    {"address": address, "source_time": iso(at), "value": value, "historical": True}
                    for address, at, value in part
                ],
            }
            if part is parts[-1]:
                body["watermark"] = iso(until)
            key = self.key(f"{name}-{number}")
            answer = self._api.call("POST", "/api/v1/samples", body, by="SIMULATOR", key=key)
            if answer.refused:
                raise RuntimeError(f"samples of {connection} were refused: {answer.status} {answer.body}")
            stored += answer.body["stored"]
        return stored

    def _tell(self, happening: Happening) -> None:
        call = CALLS.get(happening.kind)
        if call is not None:
            answer = call(self._api, happening, self.key(happening.id))
            self.told += 1
            if answer.refused:
                self._refuse(happening, answer)

    def _refuse(self, happening: Happening, answer: Answer) -> None:
        self.refused += 1
        if self.refused == 1:
            logger.warning("%s was refused: %s %s", happening.kind, answer.status, answer.body)
        entry = {"kind": happening.kind, "id": happening.id, "status": answer.status, "answer": answer.body}
        with open(self._refusals, "a") as file:
            file.write(json.dumps({**entry, "data": happening.data}, ensure_ascii=False) + "\n")


def _order_released(happening: Happening, key: str) -> dict[str, Any]:
    """Known by its code: needs no key of its own."""
    data = happening.data
    return {
        "code": data["order"], "line": data["line"], "product": data["product"], "quantity": data["quantity"],
        "planned_start": iso(data["start"]), "planned_end": iso(data["end"]), "due_time": iso(data["end"]),
    }  # fmt: skip


def _order_updated(api: Api, happening: Happening, key: str) -> Answer:
    data = happening.data
    path = f"/api/v1/job-orders/{data['order']}"
    seen = api.call("GET", path, by=data["by"])
    if seen.refused:
        return seen
    body = {"quantity": data["quantity"], "why": data["why"], "at": iso(happening.at)}
    return api.call("PATCH", path, body, by=data["by"], key=key, seen=seen.etag)


def _sequence_changed(api: Api, happening: Happening, key: str) -> Answer:
    data = happening.data
    body = {"line": data["line"], "job_orders": data["orders"], "why": data["why"], "at": iso(happening.at)}
    return api.call("POST", "/api/v1/job-orders/sequence", body, by=data["by"], key=key)


def _shortage(api: Api, happening: Happening, key: str) -> Answer:
    data = happening.data
    body = {
        "equipment": data["unit"], "material": data["material"],
        "start_time": iso(data["start"]), "end_time": iso(data["end"]),
    }  # fmt: skip
    return api.call("POST", "/api/v1/shortages", body, by=data["by"], key=key)


def _lot_received(happening: Happening, key: str) -> dict[str, Any]:
    data = happening.data
    return {
        "code": data["lot"], "material": data["material"], "quantity": data["quantity"],
        "place": data["line"], "supplier": data["supplier"], "at": iso(data["received"]), "key": key,
    }  # fmt: skip


def _movement(happening: Happening, key: str) -> dict[str, Any]:
    data = happening.data
    body = {
        "kind": happening.kind.removeprefix("lot_"), "lot": data["lot"], "quantity": data["quantity"],
        "at": iso(happening.at), "equipment": data["unit"], "job_order": data["order"], "key": key,
        "window_start": iso(data["since"]) if data["since"] < happening.at else None,
    }  # fmt: skip
    return {**body, "material": data["material"]} if happening.kind == "lot_produced" else body


def _test_done(happening: Happening, key: str) -> dict[str, Any]:
    data = happening.data
    return {
        "specification": data["specification"], "value": str(data["value"]), "measured_at": iso(happening.at),
        "job_order": data["order"], "lot": data["lot"], "key": key,
    }  # fmt: skip


CALLS: dict[str, Callable[[Api, Happening, str], Answer]] = {
    "order_updated": _order_updated,
    "sequence_changed": _sequence_changed,
    "shortage": _shortage,
}
LISTS: dict[str, tuple[str, Callable[[Happening, str], dict[str, Any]]]] = {
    "order_released": ("/api/v1/job-orders", _order_released),
    "lot_received": ("/api/v1/lots", _lot_received),
    "lot_consumed": ("/api/v1/lot-movements", _movement),
    "lot_produced": ("/api/v1/lot-movements", _movement),
    "test_done": ("/api/v1/test-results", _test_done),
}
