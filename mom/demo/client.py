"""Talking to the product through its REST API, as the person who would; patient, and never twice."""

from __future__ import annotations

import http.client
import json
import logging
import threading
import time
from collections.abc import Mapping
from typing import Any, NamedTuple
from urllib.parse import urlsplit

logger = logging.getLogger(__name__)
TIMEOUT = 120.0
FIRST_WAIT, LONGEST_WAIT = 0.5, 10.0
AGAIN = frozenset({408, 425, 429, 502, 503, 504})
FAULTS = 2


class Stopped(Exception):
    """The simulator is being stopped; what was not delivered stays in its outbox."""


class Answer(NamedTuple):
    status: int
    body: Any
    etag: str = ""

    @property
    def refused(self) -> bool:
        return self.status >= 400

    def of_items(self, count: int) -> list[Answer]:
        """What each item of a list was answered; a list refused as a whole answers for every item."""
        if self.refused:
            return [self] * count
        return [Answer(row.get("status", 400 if row["errors"] else 200), row["errors"]) for row in self.body]


class Api:
    """One product; ``keys`` are API keys by badge. Unreachable or busy: again. Refused: the answer."""

    def __init__(self, url: str, keys: Mapping[str, str], stopping: threading.Event) -> None:
        parts = urlsplit(url)
        self._host, self._port = parts.hostname or "127.0.0.1", parts.port
        self._tls = parts.scheme == "https"
        self._keys, self._stopping = keys, stopping
        self._local = threading.local()
        # (calls, seconds) by method and first word of the path: what the product was slow with.
        self.spent: dict[str, tuple[int, float]] = {}

    def call(
        self, method: str, path: str, body: Any = None, *, by: str, key: str = "", seen: str = ""
    ) -> Answer:
        """One request, repeated with the same key until it is answered. Raises Stopped."""
        raw = b"" if body is None else json.dumps(body, ensure_ascii=False).encode()
        headers = {"Authorization": f"Token {self._keys[by]}", "Content-Type": "application/json"}
        if key:
            headers["Idempotency-Key"] = key
        if seen:
            headers["If-Match"] = seen
        wait, faults, failed = FIRST_WAIT, 0, False
        while not self._stopping.is_set():
            try:
                began = time.monotonic()
                answer = self._once(method, path, raw, headers)
                self._note(f"{method} {path.split('?')[0].split('/')[3]}", time.monotonic() - began)
                faults += answer.status == 500
                if answer.status not in AGAIN and (answer.status != 500 or faults >= FAULTS):
                    return answer
                problem = f"{answer.status} {str(answer.body)[:200]}"
            except (OSError, http.client.HTTPException) as error:
                kept_alive = self._drop()
                problem = repr(error)
                if kept_alive:
                    # The server closed it while idle: no failure, and the key makes a repeat harmless.
                    continue
            if not failed:
                logger.warning("%s %s: %s; trying again", method, path, problem)
                failed = True
            self._stopping.wait(wait)
            wait = min(wait * 2, LONGEST_WAIT)
        raise Stopped

    def _note(self, what: str, seconds: float) -> None:
        calls, spent = self.spent.get(what, (0, 0.0))
        self.spent[what] = (calls + 1, spent + seconds)

    def _once(self, method: str, path: str, raw: bytes, headers: Mapping[str, str]) -> Answer:
        connection = self._connection()
        connection.request(method, path, body=raw, headers=dict(headers))
        response = connection.getresponse()
        said = response.read()
        self._local.used = True
        try:
            return Answer(
                response.status, json.loads(said) if said else None, response.headers.get("ETag", "")
            )
        except ValueError:
            return Answer(response.status, said[:500].decode("utf-8", "replace"))

    def _connection(self) -> http.client.HTTPConnection:
        connection: http.client.HTTPConnection | None = getattr(self._local, "connection", None)
        if connection is None:
            make = http.client.HTTPSConnection if self._tls else http.client.HTTPConnection
            connection = self._local.connection = make(self._host, self._port, timeout=TIMEOUT)
        return connection

    def _drop(self) -> bool:
        """Close the connection; whether it had served before."""
        connection, used = getattr(self._local, "connection", None), getattr(self._local, "used", False)
        self._local.connection, self._local.used = None, False
        if connection is not None:
            connection.close()
        return used
