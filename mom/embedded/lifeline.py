"""A process that must not outlive the one that started it. Standard library only: workers import it too."""

from __future__ import annotations

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1

# Loaded before any fork: nothing may be imported or allocated by the linker between fork and exec.
_libc = ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None


def follow_parent(signal_number: int, expected_parent: int | None = None) -> None:
    """Ask the kernel for `signal_number` when the thread that started this process ends; Linux only.

    Must run after any change of user id, which clears the request.
    """
    if _libc is None:
        return
    _libc.prctl(PR_SET_PDEATHSIG, signal_number, 0, 0, 0)
    # The parent may have died between fork and prctl: then no signal will ever come.
    if expected_parent is not None and os.getppid() != expected_parent:
        os.kill(os.getpid(), signal.SIGKILL)
