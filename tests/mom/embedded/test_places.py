from __future__ import annotations

import os
import subprocess
import tempfile
from pathlib import Path

import pytest

from mom.embedded import places

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root changes to a service account")


def test_secrets_are_made_once_and_private(tmp_path: Path) -> None:
    path = tmp_path / "passwords.json"
    first = places.secrets_kept(path, ("a", "b"))
    assert places.secrets_kept(path, ("a", "b", "c")).items() > first.items()
    assert len(set(first.values())) == 2
    assert path.stat().st_mode & 0o077 == 0


def test_a_folder_of_somebody_else_is_refused(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "real")
    with pytest.raises(places.UnsafeFolder):
        places.folder_own(tmp_path / "link", 0o700)
    if os.geteuid() == 0:
        os.chown(tmp_path / "real", 12345, 12345)
        with pytest.raises(places.UnsafeFolder):
            places.folder_own(tmp_path / "real", 0o700)


@needs_root
def test_programs_in_a_root_only_checkout_are_copied_and_run(tmp_path: Path) -> None:
    account = places.service_account()
    assert account is not None
    closed = Path(tempfile.mkdtemp(dir=tmp_path))
    programs = closed / "package" / "install" / "bin"
    programs.mkdir(parents=True)
    (programs / "hello").write_text("#!/bin/sh\nid -u\n")
    (programs / "hello").chmod(0o700)
    found = places.programs_for(programs, account)
    try:
        ran = subprocess.run(
            [found / "hello"], user=account[0], group=account[1], capture_output=True, check=True
        )
        assert int(ran.stdout) == account[0]
        assert closed.stat().st_mode & 0o077 == 0
        assert places.programs_for(programs, account) == found
    finally:
        subprocess.run(["rm", "-r", found.parents[2]], check=True)
