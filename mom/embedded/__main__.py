from __future__ import annotations

import signal
import sys

from mom.embedded.announce import Terminal
from mom.embedded.lifeline import follow_parent
from mom.embedded.options import options_read
from mom.embedded.supervisor import Supervisor


def main() -> int:
    options, follow = options_read(sys.argv[1:])
    if follow:
        follow_parent(signal.SIGTERM)
    return Supervisor(options=options, terminal=Terminal(sys.stdout)).run()


if __name__ == "__main__":
    sys.exit(main())
