"""Where an embedded server keeps its files, and under whose account it runs."""

from __future__ import annotations

import hashlib
import json
import os
import pwd
import secrets
import shutil
import subprocess
from pathlib import Path

from mom.embedded.interface import StartFailed

SERVICE_ACCOUNTS = ("postgres", "nobody")
SHARED_TEMPORARY = Path("/var/tmp")


class UnsafeFolder(StartFailed):
    """A folder we need exists already and belongs to somebody else."""


def service_account() -> tuple[int, int] | None:
    """(uid, gid) for a server that refuses to run as root; None when we are not root and need no change."""
    if os.geteuid() != 0:
        return None
    for name in SERVICE_ACCOUNTS:
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        return entry.pw_uid, entry.pw_gid
    raise UnsafeFolder(f"root may not run this server and none of the accounts {SERVICE_ACCOUNTS} exists")


def path_key(path: Path) -> str:
    return hashlib.sha256(str(path.resolve()).encode()).hexdigest()[:12]


def folder_own(path: Path, mode: int, user: tuple[int, int] | None = None) -> Path:
    """Make a folder, or check that the existing one is ours: in a shared place it might not be."""
    try:
        path.mkdir(mode=mode)
        path.chmod(mode)
        if user is not None:
            os.chown(path, *user)
    except FileExistsError:
        owner = path.lstat().st_uid
        expected = user[0] if user is not None else os.geteuid()
        if path.is_symlink() or owner not in {os.geteuid(), expected}:
            raise UnsafeFolder(
                f"{path} belongs to user id {owner}, not to us: remove it or set MOM_DATA_DIR"
            ) from None
        if user is not None and owner != user[0]:
            os.chown(path, *user)
    return path


def reachable(path: Path, user: tuple[int, int]) -> bool:
    """Whether another account may pass through `path` and all folders above it; nothing is changed."""
    for folder in (path, *path.parents):
        status = folder.stat()
        if status.st_uid == user[0]:
            allowed = status.st_mode & 0o100
        elif status.st_gid == user[1]:
            allowed = status.st_mode & 0o010
        else:
            allowed = status.st_mode & 0o001
        if not allowed:
            return False
    return True


def base_folder(wanted: Path, user: tuple[int, int] | None) -> Path:
    """`wanted` where the server's account can reach it, else a folder of ours under /var/tmp."""
    wanted.mkdir(parents=True, exist_ok=True, mode=0o711 if user else 0o700)
    wanted = wanted.resolve()
    if user is None or reachable(wanted, user):
        return wanted
    return folder_own(fallback_folder(wanted), 0o711)


def fallback_folder(wanted: Path) -> Path:
    return SHARED_TEMPORARY / f"mom-{os.geteuid()}-{path_key(wanted)}"


def socket_folder(base: Path) -> Path:
    """Short on purpose: a socket's path may not pass 107 bytes."""
    return Path("/tmp") / f"mom-pg-{path_key(base)}"


def programs_for(folder: Path, user: tuple[int, int] | None, *, libraries: Path | None = None) -> Path:
    """`folder` itself when the account can execute what is in it, else a private copy under /var/tmp.

    A checkout under a root-only home is the usual case. `libraries` is the wheel's sibling folder its
    run path points to, copied to the same relative place.
    """
    if user is None or reachable(folder, user):
        return folder
    install = folder.parent
    copy = SHARED_TEMPORARY / f"{_copy_name(install)}-{int(install.stat().st_mtime)}"
    target = copy / install.parent.name / install.name
    if not target.exists():
        _copy_programs(install, copy, libraries)
    else:
        folder_own(copy, 0o755)
    return target / folder.name


def _copy_name(install: Path) -> str:
    return f"mom-{os.geteuid()}-programs-{path_key(install)}"


def programs_copied(folder: Path) -> list[Path]:
    """The private copies `programs_for` made of `folder`, also of earlier versions."""
    return sorted(SHARED_TEMPORARY.glob(f"{_copy_name(folder.parent)}-*"))


def _copy_programs(install: Path, copy: Path, libraries: Path | None) -> None:
    # Copied aside and renamed: a copy cut short is never taken for a whole one.
    draft = folder_own(copy.with_name(f"{copy.name}-{secrets.token_hex(4)}"), 0o755)
    shutil.copytree(
        install, draft / install.parent.name / install.name, ignore=shutil.ignore_patterns("include")
    )
    if libraries is not None and libraries.exists():
        shutil.copytree(libraries, draft / libraries.name)
    subprocess.run(["chmod", "-R", "a+rX", str(draft)], check=True)
    try:
        draft.rename(copy)
    except OSError:
        shutil.rmtree(draft)


def secrets_kept(path: Path, names: tuple[str, ...]) -> dict[str, str]:
    """Passwords generated once and kept in a file only we can read."""
    if path.exists():
        kept: dict[str, str] = json.loads(path.read_text())
        if all(name in kept for name in names):
            return kept
    else:
        kept = {}
    kept |= {name: secrets.token_urlsafe(24) for name in names if name not in kept}
    private_write(path, json.dumps(kept))
    return kept


def private_write(path: Path, text: str) -> None:
    """Replace a file whole, readable by its owner alone from its first byte."""
    draft = path.with_name(path.name + ".new")
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        file.write(text)
    draft.replace(path)
