"""`python -m tests.with_database COMMAND …`: run a command on a private, empty database."""

from __future__ import annotations

import os
import subprocess
import sys

from tests.embedded_database import start_for_tests


def main(command: list[str]) -> int:
    started = start_for_tests()
    try:
        variables = {
            "DATABASE_URL": started.application,
            "DATABASE_OWNER_URL": started.owner,
            "MOM_TEST_DATABASE_REPORT_URL": started.report,
        }
        return subprocess.run(command, env=os.environ | variables, check=False).returncode
    finally:
        started.stop()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
