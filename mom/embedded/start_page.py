"""A plain page on the web port that shows how far the start has come, until the product answers there."""

from __future__ import annotations

import html
import selectors
import socket
import threading
from dataclasses import dataclass

WORDS = {
    "en": ("Starting the plant", "step {step} of {total}", "This page refreshes by itself."),
    "fr": ("Démarrage de l’usine", "étape {step} sur {total}", "Cette page s’actualise d’elle-même."),
}
STEPS_FR = {
    "database": "base de données",
    "task queue": "file des tâches",
    "message broker": "courtier de messages",
    "database schema": "schéma de la base",
    "translations, pages and the demo plant": "traductions, pages et usine de démonstration",
    "processes": "processus",
    "first answer": "première réponse",
}
PAGE = """<!doctype html>
<html lang="{language}"><head><meta charset="utf-8"><meta http-equiv="refresh" content="1">
<meta name="viewport" content="width=device-width"><title>{title}</title>
<style>body{{font:18px/1.5 system-ui,sans-serif;margin:15vh auto;max-width:32em;padding:0 1em}}
body{{color:#222;background:#f4f4f2}}progress{{width:100%;height:1.2em}}p{{color:#555}}</style></head>
<body><h1>{title}</h1><progress value="{step}" max="{total}"></progress>
<p>{position}: {doing}</p><p>{note}</p>
</body></html>
"""


@dataclass
class Progress:
    """Written by the starting thread, read by the page: single fields, replaced whole."""

    step: int = 0
    total: int = 7
    doing: str = ""


def page(progress: Progress, language: str) -> bytes:
    title, position, note = WORDS[language]
    doing = STEPS_FR.get(progress.doing, progress.doing) if language == "fr" else progress.doing
    return PAGE.format(
        language=language,
        title=title,
        step=progress.step,
        total=progress.total,
        position=position.format(step=progress.step, total=progress.total),
        doing=html.escape(doing),
        note=note,
    ).encode()


class StartPage:
    """Answers on a listening socket it does not own, from a thread of its own, until `close`."""

    def __init__(self, listener: socket.socket, progress: Progress) -> None:
        self._listener = listener
        self._progress = progress
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._serve, name="start-page", daemon=True)

    def open(self) -> None:
        self._thread.start()

    def close(self) -> None:
        """Returns once no request is taken any more: from then on they wait in the socket for the product."""
        if self._thread.is_alive():
            self._ended.set()
            self._thread.join(5.0)

    def _serve(self) -> None:
        self._listener.setblocking(False)
        with selectors.DefaultSelector() as selector:
            selector.register(self._listener, selectors.EVENT_READ)
            while not self._ended.is_set():
                if selector.select(0.2) and not self._ended.is_set():
                    try:
                        self._answer()
                    except OSError:
                        continue  # a browser that left is nobody's problem

    def _answer(self) -> None:
        connection, _ = self._listener.accept()
        with connection:
            connection.settimeout(1.0)
            request = connection.recv(8192).decode("latin-1").lower()
            header = next((line for line in request.splitlines() if line.startswith("accept-language:")), "")
            french, english = header.find("fr"), header.find("en")
            body = page(self._progress, "fr" if french >= 0 and (english < 0 or french < english) else "en")
            head = (
                "HTTP/1.1 503 Service Unavailable\r\nContent-Type: text/html; charset=utf-8\r\n"
                "Content-Security-Policy: default-src 'none'; style-src 'unsafe-inline'\r\n"
                f"Cache-Control: no-store\r\nRetry-After: 1\r\nContent-Length: {len(body)}\r\n"
                "Connection: close\r\n\r\n"
            )
            connection.sendall(head.encode() + body)
