"""Someone looking at a line page, whose script asks for its changing part again and again with its ETag."""

from __future__ import annotations

import http.client
import re
import threading
import time
from collections.abc import Callable

from django.test import Client

from tests.factories.plant import Line, account_make

CHIP = re.compile(r'href="/equipment/([^"]+)/">(.*?)</a>', re.DOTALL)
TAG = re.compile(r"<[^>]+>")


class Reader(threading.Thread):
    """``interval``: seconds until the next poll. ``state`` is what the page says of the pacing machine."""

    def __init__(self, port: int, line: Line, interval: Callable[[], float]) -> None:
        super().__init__(daemon=True)
        client = Client()
        user = account_make("supervisor", line.site)
        client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
        self._cookie = f"sessionid={client.cookies['sessionid'].value}"
        self._port, self._path, self._interval = port, f"/lines/{line.line.code}/", interval
        self.ended = threading.Event()
        self.state, self.at, self.etag = "", 0.0, ""
        self.answers: dict[int, int] = {}
        self.fault: Exception | None = None

    def run(self) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=20)
        try:
            while not self.ended.is_set():
                self._poll(connection)
                self.ended.wait(self._interval())
        except Exception as fault:
            self.fault = fault

    def _poll(self, connection: http.client.HTTPConnection) -> None:
        headers = {"Cookie": self._cookie, "X-Poll": "1", "Accept-Language": "en"}
        if self.etag:
            headers["If-None-Match"] = self.etag
        connection.request("GET", self._path, headers=headers)
        answer = connection.getresponse()
        text = answer.read().decode()
        self.answers[answer.status] = self.answers.get(answer.status, 0) + 1
        if answer.status == 304:
            return
        assert answer.status == 200, f"{answer.status} {text[:300]}"
        self.etag = answer.headers["ETag"]
        found = CHIP.search(text)
        state = " ".join(TAG.sub(" ", found[2]).split()) if found else ""
        if state != self.state:
            self.state, self.at = state, time.time()
