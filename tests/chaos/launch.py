"""``python -m tests.chaos.launch ARMED BUG celery …|manage.py …``: a process of the product with fail-points
and, unless BUG is empty, one protection removed.

The product itself carries no test code: what is put in is put in here, from outside, into this process alone.
"""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

from mom.embedded.lifeline import follow_parent


def main(arguments: list[str]) -> None:
    follow_parent(signal.SIGKILL)
    armed, bug, program, *rest = arguments
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "mom.settings")
    import django

    django.setup()
    from tests.chaos import bugs, failpoints

    if bug:
        bugs.BUGS[bug].put_in()
    failpoints.put_in(Path(armed))
    if program == "celery":
        from mom.celery import app

        app.worker_main(rest)
    else:
        from django.core.management import execute_from_command_line

        execute_from_command_line([program, *rest])


if __name__ == "__main__":
    main(sys.argv[1:])
