"""One who posts numbered samples by REST and reads back what was taken, whatever becomes of the web server.

Each sample is posted under one key until it is answered 201; then it is asked for. Nothing but that answer
says that it was taken, so that is the ledger.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import threading
import time
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlencode

from connectors.models import SignalSample
from plant import services
from plant.access import rule
from tests.chaos.books import Books
from tests.chaos.works import read
from tests.factories.connectors import signal_make
from tests.factories.plant import account_make

EVERY = 0.2
Answer = tuple[int, Any]


class Poster:
    def __init__(self, books: Books, port: int) -> None:
        self._slug, self._port = books.connection.slug, port
        self._address = f"{books.name}/posted"
        self._signal = signal_make(books.line.units[0], self._address, connection=books.connection)
        user, by = account_make("engineer", books.line.site), rule("proof")
        _, secret = services.token_create(user=user, name="proof", scope="write", days=1, by=by)
        self._headers = {"Authorization": f"Token {secret}", "Content-Type": "application/json"}
        # Only this thread writes them
        self.said = self.answered = self.looked = 0
        self.broken: list[str] = []
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, name="poster", daemon=True)

    def begin(self) -> None:
        self._thread.start()

    def wait_answered(self, more: int = 1, *, seconds: float = 90) -> bool:
        """Whether so many more are answered and read."""
        before, deadline = self.looked, time.monotonic() + seconds
        while self.looked < before + more and time.monotonic() < deadline:
            time.sleep(0.05)
        return self.looked >= before + more

    def end(self) -> list[str]:
        """What is wrong: answered and not there once, or never said."""
        self._ended.set()
        self._thread.join(60)
        if self._thread.is_alive():
            self.broken.append("a request by REST never ended")
        rows = SignalSample.objects.filter(signal_id=self._signal.pk).order_by("v_int")
        kept = [int(value or 0) for value in read(lambda: list(rows.values_list("v_int", flat=True)))]
        if missing := set(range(1, self.answered + 1)) - set(kept):
            self.broken.append(f"answered 201 and not stored: {sorted(missing)[:3]}")
        if len(kept) != len(set(kept)) or set(kept) - set(range(1, self.said + 1)):
            self.broken.append("posted by REST and stored twice, or never said")
        return self.broken

    def _run(self) -> None:
        while not self._ended.wait(EVERY):
            self.said += 1
            at = datetime.now(UTC)
            sample = {"address": self._address, "source_time": at.isoformat(), "value": self.said}
            body = json.dumps({"connection": self._slug, "samples": [sample]})
            headers = self._headers | {"Idempotency-Key": f"{self._address} {self.said}"}
            if not self._until(201, "POST", "/api/v1/samples", body, headers):
                return
            self.answered = self.said
            window = {"start": at.isoformat(), "end": (at + timedelta(milliseconds=1)).isoformat()}
            path = f"/api/v1/samples?{urlencode({'signal': self._signal.pk, **window})}"
            found = self._until(200, "GET", path, None, self._headers)
            if found is None:
                return
            if [row["value"] for row in found["results"]] != [self.said]:
                self.broken.append(f"answered 201 and not read: {self.said}, but {found['results'][:2]}")
            self.looked += 1

    def _until(self, wanted: int, verb: str, path: str, body: str | None, headers: dict[str, str]) -> Any:
        """The answer, asked for again while there is none; None at the end, or when it is refused."""
        while True:
            with contextlib.suppress(OSError, http.client.HTTPException, ValueError):
                connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=30)
                try:
                    connection.request(verb, path, body, headers)
                    answer = connection.getresponse()
                    text = answer.read()
                finally:
                    connection.close()
                if answer.status == wanted:
                    return json.loads(text)
                if answer.status < 500 and answer.status != 409:  # 409: the same key is being worked on
                    self.broken.append(f"{verb} {path[:60]}: {answer.status} {text[:200]!r}")
                    return None
            if self._ended.wait(EVERY):
                return None
