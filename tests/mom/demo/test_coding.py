"""Operators find the stop they mean in the list the product shows, also one that still goes on."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from mom.demo.client import Answer, Api
from mom.demo.coding import TRIES_LATER, Coder, instant
from mom.demo.events import Happening

MINUTE = 60_000
NOON = 1_795_000_000_000
Stop = dict[str, Any]


class Product(Api):
    """Shows these stops and accounts for the machine up to ``known`` (minute); keeps what it is told."""

    def __init__(self, *stops: Stop, known: int = 0) -> None:
        super().__init__("http://127.0.0.1:9", {}, threading.Event())
        self.stops, self.known = list(stops), known
        self.told: list[Any] = []

    def call(
        self, method: str, path: str, body: Any = None, *, by: str, key: str = "", seen: str = ""
    ) -> Answer:
        if method == "POST":
            self.told += body
            return Answer(201, [{"index": n, "status": 201, "errors": []} for n in range(len(body))])
        if "/kpi?" in path:
            return Answer(200, {"account": {"end_time": at(self.known)}})
        return Answer(200, {"results": self.stops})


def at(minute: int) -> str:
    return instant(NOON + minute * MINUTE).isoformat()


def stop(start: int, end: int | None, **said: Any) -> Stop:
    return {
        "start_time": at(start), "end_time": None if end is None else at(end),
        "reason": None, "said_by": None, "said_at": None, **said,
    }  # fmt: skip


def coder_of(product: Product, start: int, end: int) -> Coder:
    coder = Coder(product, lambda identity: identity)
    data = {
        "unit": "L2-SEALER", "start": NOON + start * MINUTE, "end": NOON + end * MINUTE, "reason": "CLO-HEAD",
        "comment": "", "by": "B1003",
    }  # fmt: skip
    coder.add([Happening(NOON + (end + 2) * MINUTE, "stop_coded", "L2-stop_coded-1", data)])
    return coder


@pytest.mark.parametrize("end", [33, None], ids=["ended", "repaired when the line had closed"])
def test_a_stop_is_coded_whether_it_ended_or_goes_on(end: int | None) -> None:
    product = Product(stop(-60, -50), stop(0, end))
    coder = coder_of(product, 0, 33)
    coder.work()
    assert (coder.waiting, coder.coded, coder.given_up) == ([], 1, 0)
    (said,) = product.told
    assert (said["start_time"], said["end_time"]) == (at(0), None if end is None else at(end))


def test_one_that_goes_on_since_earlier_is_believed_once_the_product_knows_of_its_end() -> None:
    product = Product(stop(-90, None), known=-20)
    coder = coder_of(product, 0, 33)
    for _ in range(2 * TRIES_LATER):
        coder.work()
    # It might be an older stop, whose end is not known yet.
    assert (len(coder.waiting), product.told) == (1, [])
    product.known = 33
    coder.work()
    coder.work()
    assert (coder.waiting, coder.coded) == ([], 1)


def test_what_was_said_before_a_crash_is_not_said_again() -> None:
    product = Product(stop(0, 33, reason="CLO-HEAD", said_by="B1003", said_at=at(35)))
    coder = coder_of(product, 0, 33)
    coder.work()
    assert (coder.waiting, product.told) == ([], [])


def test_a_stop_that_never_comes_is_given_up_and_counted() -> None:
    coder = coder_of(Product(stop(60, 70)), 0, 33)
    for _ in range(TRIES_LATER + 1):
        coder.work()
    assert (coder.waiting, coder.coded, coder.given_up) == ([], 0, 1)
