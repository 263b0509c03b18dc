from __future__ import annotations

import signal
import sys

from mom.embedded.announce import Terminal
from mom.embedded.lifeline import follow_parent
from mom.embedded.options import options_read
from mom.embedded.supervisor import Supervisor
from plant.env import ConfigurationError


def main() -> int:
    try:
        options, follow = options_read(sys.argv[1:])
        if follow:
            follow_parent(signal.SIGTERM)
        return Supervisor(options=options, terminal=Terminal(sys.stdout)).run()
    except (ConfigurationError, PermissionError) as fault:
        print(fault, file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
