from __future__ import annotations

import socket
import urllib.error
import urllib.request
from collections.abc import Iterator

import pytest

from mom.embedded.process import listen_from
from mom.embedded.start_page import STEPS_FR, Progress, StartPage, page


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    with listen_from(20000, tries=20000) as listener:
        yield listener


def fetch(listener: socket.socket, language: str) -> urllib.error.HTTPError:
    request = urllib.request.Request(
        f"http://127.0.0.1:{listener.getsockname()[1]}/lines/", headers={"Accept-Language": language}
    )
    with pytest.raises(urllib.error.HTTPError) as caught:
        urllib.request.urlopen(request, timeout=5)
    return caught.value


def test_shows_the_step_in_the_visitors_language_and_says_not_yet(listener: socket.socket) -> None:
    start_page = StartPage(listener, Progress(step=4, doing="database schema"))
    start_page.open()
    try:
        english, french = fetch(listener, "en,fr;q=0.5"), fetch(listener, "fr-FR,fr;q=0.9,en;q=0.8")
        assert (english.code, english.headers["Retry-After"]) == (503, "1")
        assert "step 4 of 7: database schema" in english.read().decode()
        assert f"étape 4 sur 7: {STEPS_FR['database schema']}" in french.read().decode()
    finally:
        start_page.close()


def test_after_closing_a_visitor_waits_in_the_socket_for_the_product(listener: socket.socket) -> None:
    start_page = StartPage(listener, Progress())
    start_page.open()
    fetch(listener, "en")
    start_page.close()
    with socket.create_connection(listener.getsockname(), timeout=5) as visitor:
        visitor.sendall(b"GET / HTTP/1.1\r\n\r\n")
        listener.settimeout(5)
        accepted, _ = listener.accept()  # what gunicorn will do on the inherited socket
        with accepted:
            assert accepted.recv(3) == b"GET"


def test_loads_nothing_from_outside() -> None:
    for language in ("en", "fr"):
        text = page(Progress(doing="<b>"), language).decode()
        assert "http:" not in text
        assert "<script" not in text
        assert "<b>" not in text


def test_a_busy_port_gives_way_to_the_next(listener: socket.socket) -> None:
    taken = listener.getsockname()[1]
    with listen_from(taken) as second:
        assert second.getsockname()[1] > taken
