"""`make clean`: remove an installation's data, also what the servers had to keep elsewhere."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

from mom.embedded import environment, identity, places
from mom.embedded.postgres import wheel_programs


def installation_remove(folder: Path) -> list[Path]:
    """Folders removed; refuses (RuntimeError) while a supervisor runs on them."""
    if not folder.exists():
        return []
    lock = environment.lock_try(folder)
    if lock is None:
        raise RuntimeError(f"{folder} is in use by a running `make run`; stop it first")
    with lock:
        identity.orphans_end(folder / "processes")
        elsewhere = [places.fallback_folder(folder / name) for name in ("postgres", "broker")]
        # Left by a server that was killed; the next start would have used it again.
        elsewhere += [places.socket_folder(path) for path in (elsewhere[0], folder / "postgres")]
        copies = places.programs_copied(wheel_programs()[0])
        removed = [path for path in (*copies, *elsewhere, folder) if path.exists()]
        for path in removed:
            shutil.rmtree(path)
    return removed


if __name__ == "__main__":
    try:
        for path in installation_remove(environment.data_folder()):
            print(f"removed {path}")
    except RuntimeError as fault:
        sys.exit(str(fault))
