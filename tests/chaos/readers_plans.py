"""Readers of plans: the plant file an engineer writes, the orders an ERP sends."""

from __future__ import annotations

import random
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import orjson
from rest_framework import exceptions

from mom.plant_file.loading import plant_load
from mom.plant_file.problems import PlantFileError
from mom.plant_file.rows import document_read
from plant.access import rule
from plant.rest import OrjsonParser
from production.api.job_orders import _items
from production.services import job_orders_store
from tests.chaos import fuzz_kept, mutate
from tests.chaos.reading import NOW, Reader, Reading

SMALL = Path(__file__).resolve().parents[1] / "mom" / "plant_file" / "small_plant.yaml"
# Composing YAML is work in proportion to its length: what is judged is what a few lines can do
LARGEST_PLAN = 16 * 1024
PATH = "/api/v1/job-orders"


def _plant_begin(raw: bytes) -> Callable[[], Reading]:
    text = raw.decode("utf-8", "replace")

    def read() -> Reading:
        document = document_read(text)
        refused = [(f"line {one.line}", one.text("plant.yaml")) for one in document.problems]
        return Reading(len(document.rows), refused)

    return read


def _plant_keep(raw: bytes) -> list[str]:
    try:
        text = raw.decode("utf-8", "replace")
        plant_load(text=text, file="plant.yaml", by=rule("fuzz"), now=NOW, dry_run=True)
    except PlantFileError as error:
        return [] if str(error).strip() else ["reason: a refused plant file says nothing"]
    except Exception as error:
        return [f"crash: {type(error).__name__}: {str(error)[:200]}"]
    return []


@cache
def _orders() -> list[bytes]:
    order = {
        "code": "O-1",
        "line": "FUZZ",
        "product": "FUZZ-P",
        "quantity": "1200.5",
        "due_time": "2026-03-04T14:00:00+01:00",
        "planned_start": "2026-03-04T06:00:00Z",
        "planned_end": "2026-03-04T12:00:00Z",
        "sequence": 10,
        "priority": -3,
        "options": {"speed": 12.5, "label": "é"},
        "external_id": "4711",
        "released": True,
    }
    return [orjson.dumps(order), orjson.dumps([order, {**order, "code": "O-2", "quantity": 7}])]


class _Stream:
    def __init__(self, raw: bytes) -> None:
        self.read = lambda: raw


def _orders_begin(raw: bytes) -> Callable[[], Reading]:
    by = _planner()

    def read() -> Reading:
        try:
            items = _items(OrjsonParser().parse(_Stream(raw)))
        except (exceptions.ParseError, exceptions.ValidationError) as error:
            return Reading(refused=[("body", str(error.detail))])
        reading = Reading()
        for stored in job_orders_store(items=items, by=by, dry_run=True):
            if stored.errors:
                reading.refused += [(f"[{stored.index}].{one.field}", str(one)) for one in stored.errors]
            else:
                reading.taken += 1
        return reading

    return read


@cache
def _planner() -> Any:
    from plant.selectors import actor_for_person

    return actor_for_person(fuzz_kept.place()[2].person)


def _plant_make(dice: random.Random) -> bytes:
    return mutate.mutated(dice, [SMALL.read_bytes()], largest=LARGEST_PLAN)


READERS = [
    Reader("plant-file", _plant_make, _plant_begin, lambda raw: False, share=0.05, keep=_plant_keep),
    Reader(
        "orders",
        lambda dice: mutate.mutated(dice, _orders()),
        _orders_begin,
        lambda raw: False,
        share=0.2,
        keep=lambda raw: fuzz_kept.asked(PATH, raw),
    ),
]
