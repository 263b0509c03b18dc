"""What every embedded server looks like to the supervisor and to the tests."""

from __future__ import annotations

from typing import Protocol


class StartFailed(RuntimeError):
    """A server did not come up; the message names it, the cause read from its log, and where that log is."""


class Server(Protocol):
    """One server process on the loopback interface, started by us and dying with us."""

    name: str

    def start(self) -> None:
        """Returns once the server answers; raises StartFailed otherwise."""

    def stop(self) -> None:
        """Returns once the process is gone; harmless when it never started."""

    @property
    def process_id(self) -> int | None:
        """Process id while started, else None."""
