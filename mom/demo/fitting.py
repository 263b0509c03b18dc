"""Maintenance people at work: they look at the requests the product shows, take them and say what cured them.

Some write what they did into their own spreadsheet only: those requests stay open until it is imported.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from mom.demo.client import Api
from mom.demo.people import CURES

logger = logging.getLogger(__name__)
PATH = "/api/v1/maintenance-requests"
IN_SHEET_ONLY = 5
"""One request in so many."""


class Fitters:
    """``maintainers`` are badges. The request alone decides who takes it, when, and how long it lasts."""

    def __init__(self, api: Api, maintainers: Sequence[str]) -> None:
        self._api, self._maintainers = api, sorted(maintainers)

    def work(self, now: datetime) -> None:
        """Take and close what is due by ``now``, as far as the product has shown it."""
        if not self._maintainers:
            return
        answer = self._api.call("GET", f"{PATH}?open=true&page_size=1000", by=self._maintainers[0])
        if answer.refused:
            logger.warning("maintenance requests: %s %s", answer.status, answer.body)
            return
        for request in answer.body["results"]:
            self._answer(request, now)

    def _answer(self, request: dict[str, Any], now: datetime) -> None:
        name = f"{request['equipment']} {request['stop_start']}"
        luck = hashlib.blake2b(name.encode(), digest_size=8).digest()
        if luck[0] % IN_SHEET_ONLY == 0:
            return
        by = self._maintainers[luck[1] % len(self._maintainers)]
        taken = datetime.fromisoformat(request["said_at"]) + timedelta(seconds=60 + luck[2])
        closed = taken + timedelta(seconds=300 + 6 * luck[3])
        if request["state"] == "open" and taken <= now:
            self._step(request["code"], "take", {"at": taken.isoformat()}, by)
            request["state"] = "taken"
        if request["state"] == "taken" and closed <= now:
            cure = CURES[luck[4] % len(CURES)]
            self._step(request["code"], "close", {"at": closed.isoformat(), "cure": cure}, by)

    def _step(self, code: str, step: str, body: dict[str, str], by: str) -> None:
        answer = self._api.call("POST", f"{PATH}/{code}/{step}", body, by=by, key=f"demo-{code}-{step}")
        if answer.refused:
            # A person was quicker: theirs stands.
            logger.info("%s of %s: %s %s", step, code, answer.status, answer.body)
