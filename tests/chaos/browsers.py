"""Many people looking at one line page: ``python -m tests.chaos.browsers PORT COOKIE PATH COUNT``.

Each has a connection of its own and asks every 2 s with the tag it holds, as the page's script does, until
standard input ends; then milliseconds of every answer are printed as JSON, with how many were drawn anew.
"""

from __future__ import annotations

import json
import os
import random
import signal
import sys
import threading

import django

from mom.embedded.lifeline import follow_parent


def main(port: int, cookie: str, path: str, count: int) -> None:
    follow_parent(signal.SIGKILL)
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "mom.settings")
    django.setup()
    from tests.benchmarks import pollers

    pollers.PATH = path
    ended, faults = threading.Event(), list[str]()
    readers = [pollers.Poller(port, cookie) for _ in range(count)]

    def watch(reader: pollers.Poller) -> None:
        ended.wait(random.uniform(0, pollers.EVERY))
        while not ended.is_set():
            try:
                reader.ask()
            except (OSError, AssertionError) as error:
                faults.append(repr(error)[:200])
                reader.close()
            ended.wait(pollers.EVERY * random.uniform(0.85, 1.15))

    threads = [threading.Thread(target=watch, args=(reader,), daemon=True) for reader in readers]
    for thread in threads:
        thread.start()
    sys.stdin.read()
    ended.set()
    for thread in threads:
        thread.join(35)
    # The first poll of each finds no copy of its own yet
    taken = [ms for reader in readers for ms in reader.taken[1:]]
    drawn = sum(reader.rendered for reader in readers)
    print(json.dumps({"taken": taken, "drawn": drawn, "faults": faults[:5], "failed": len(faults)}))


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2], sys.argv[3], int(sys.argv[4]))
