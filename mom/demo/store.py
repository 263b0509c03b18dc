"""The demo plant's own folder: its saved state, ledger, keys and progress. Only its owner may read it."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

STATE, LEDGER, PROGRESS, KEYS, SETTINGS = (
    "state.json",
    "ledger.jsonl",
    "progress.json",
    "keys.json",
    "settings.json",
)


class Store:
    """Files under ``MOM_DATA_DIR/demo``, each replaced at once: a crash leaves the old one or the new one."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        folder.chmod(0o700)

    @property
    def ledger(self) -> Path:
        return self.folder / LEDGER

    def read(self, name: str) -> Any:
        """The JSON of a file; None when there is none."""
        path = self.folder / name
        return json.loads(path.read_text()) if path.exists() else None

    def write(self, name: str, data: Any, *, durable: bool = True) -> None:
        temporary = self.folder / f".{name}.{os.getpid()}"
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w") as file:
            json.dump(data, file, separators=(",", ":"), ensure_ascii=False)
            if durable:
                file.flush()
                os.fsync(file.fileno())
        temporary.replace(self.folder / name)
