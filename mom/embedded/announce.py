"""What a person sees in the terminal: steps, faults, and in the end where to go and with which password."""

from __future__ import annotations

import textwrap
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, TextIO
from urllib.parse import urljoin

if TYPE_CHECKING:
    from mom.embedded.options import Options


class Terminal:
    def __init__(self, output: TextIO) -> None:
        self._output = output
        self._open_line = False

    def _write(self, text: str, *, end: str = "\n") -> None:
        if self._open_line and end == "\n":
            text = f"\n{text}"
        self._open_line = False
        print(text, end=end, file=self._output, flush=True)

    def say(self, text: str) -> None:
        self._write(text)

    def fault(self, text: str) -> None:
        self._write(f"{time.strftime('%H:%M:%S')} {text}")

    def step_begin(self, step: int, total: int, doing: str) -> None:
        self._write(f"[{step}/{total}] {doing} … ", end="")
        self._open_line = True

    def note(self, text: str) -> None:
        print(f"{text}, ", end="", file=self._output, flush=True)

    def step_end(self, seconds: float) -> None:
        if self._open_line:
            self._open_line = False
            self._write(f"{seconds:.1f} s")

    def ready(self, url: str, given: dict[str, Any], options: Options, *, seconds: float) -> None:
        self._write(f"\nReady in {seconds:.0f} s.\n")
        self._write(f"  {'supervisor':<12} {url}")
        self._write(f"  {'API':<12} {urljoin(url, 'api/docs')}")
        for line in _lines(given, url):
            self._write(f"  {line}")
        tablet = urljoin(url, str(given.get("tablet") or "tablet/"))
        self._write(f"  {'tablet':<12} {tablet}")
        self._qr(tablet)
        if options.web_host == "127.0.0.1":
            self._write(
                "  For a tablet on your network: make run HOST=0.0.0.0 (plain HTTP: a trusted network only)"
            )
        self._write(f"  logs: {options.data_dir / 'logs'} · checks: make doctor · Ctrl-C stops everything\n")

    def _qr(self, text: str) -> None:
        import segno

        segno.make(text, error="l").terminal(out=self._output, compact=True, border=1)


def _lines(given: dict[str, Any], url: str) -> Iterator[str]:
    """Anything the preparation wants shown; a value that starts with a slash is a link of ours."""
    for key, value in given.items():
        if key == "tablet":
            continue
        if isinstance(value, dict):
            yield f"{key}:"
            yield from (f"  {line}" for line in _lines(value, url))
        elif isinstance(value, list):
            yield f"{key}:"
            texts = [
                " ".join(str(part) for part in item.values()) if isinstance(item, dict) else str(item)
                for item in value
            ]
            yield from (f"  {line}" for line in textwrap.wrap(" · ".join(texts), 96, break_on_hyphens=False))
        else:
            shown = urljoin(url, value) if isinstance(value, str) and value.startswith("/") else value
            yield f"{key:<12} {shown}"
