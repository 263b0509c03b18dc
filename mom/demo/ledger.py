"""What truly happened, one JSON line each, on disk before the plant tells anyone: tests compare against it.

Every group of lines ends with a commit line and is fsynced as one. The simulator saves its own state with the
length the ledger had then; what was written after that save (a crash in between) is cut off when it goes on,
because the plant goes on from the save. Ids are therefore unique across restarts.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from mom.demo.events import Truth


class Ledger:
    """An append-only file of :class:`Truth`; ``length`` is the number of bytes known to be on disk."""

    def __init__(self, path: Path, *, length: int | None = None) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file = open(path, "ab")  # noqa: SIM115 - lives as long as the simulator
        if length is not None:
            self._file.truncate(length)
        self.length = os.fstat(self._file.fileno()).st_size

    def append(self, truths: Iterable[Truth], *, until: int) -> int:
        """Write a group that holds up to ``until`` (ms) and return the new length once it is on disk."""
        lines = [
            _line({"id": truth.id, "kind": truth.kind, "at": truth.at, **truth.data}) for truth in truths
        ]
        lines.append(_line({"kind": "commit", "at": until}))
        self._file.write(b"".join(lines))
        self._file.flush()
        os.fsync(self._file.fileno())
        self.length = os.fstat(self._file.fileno()).st_size
        return self.length

    def close(self) -> None:
        self._file.close()


def _line(entry: dict[str, Any]) -> bytes:
    return json.dumps(entry, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"


def ledger_read(path: Path) -> Iterator[dict[str, Any]]:
    """The committed entries, oldest first; a torn tail without its commit line is not part of the truth."""
    group: list[dict[str, Any]] = []
    with open(path, "rb") as file:
        for raw in file:
            if not raw.endswith(b"\n"):
                return
            entry = json.loads(raw)
            if entry["kind"] == "commit":
                yield from group
                group = []
            else:
                group.append(entry)
