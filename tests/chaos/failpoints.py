"""Named instants of the data path at which a process can be killed.

One is armed by a file of its name; the process that comes by removes the file, writes its name down and kills
itself with SIGKILL. Wrapped around the product's own functions in a process of a proof: none of it is in the
product.
"""

from __future__ import annotations

import functools
import inspect
import os
import signal
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

REACHED = "reached"
# Name → module, path of the function, and whether it is passed "before" or "after" it ran
POINTS: dict[str, tuple[str, str, str]] = {
    "spool before commit": ("connectors.spool", "Spool._rows", "before COMMIT"),
    "spool after commit": ("connectors.spool", "Spool._rows", "after COMMIT"),
    "before acknowledging": ("connectors.protocols.mqtt", "MqttConnector.acknowledge", "before"),
    "after acknowledging": ("connectors.protocols.mqtt", "MqttConnector.acknowledge", "after"),
    "before sending": ("connectors.transports.celery_broker", "CeleryCarrier.send_ingest", "before"),
    "after sending": ("connectors.transports.celery_broker", "CeleryCarrier.send_ingest", "after"),
    "before spool removal": ("connectors.spool", "Spool.confirm", "before"),
    "after spool removal": ("connectors.spool", "Spool.confirm", "after"),
    "ingest before copy": ("connectors.services.ingest", "_copy", "before"),
    "ingest after copy": ("connectors.services.ingest", "_copy", "after"),
    "ingest before commit": ("connectors.services.ingest", "_receipts", "after"),
    "ingest after commit": ("connectors.services", "deliveries_store", "after"),
    "before reply": ("connectors.tasks", "_answer", "before"),
    "after reply": ("connectors.tasks", "_answer", "after"),
    "stitch marks taken": ("connectors.selectors", "dirty_marks_take", "after"),
    "stitch before commit": ("production.services.stitching", "Refold.commit", "after"),
    "stitch after commit": ("production.services.failing", "stitch", "after"),
}
RUNNER = [
    name
    for name, (module, _, _) in POINTS.items()
    if module.startswith(("connectors.spool", "connectors.protocols", "connectors.transports"))
]
WORKER = [name for name in POINTS if name not in RUNNER]


def put_in(armed: Path) -> None:
    for name, (module, path, when) in POINTS.items():
        owner: Any = import_module(module)
        *parents, last = path.split(".")
        for parent in parents:
            owner = getattr(owner, parent)
        moment, _, only = when.partition(" ")
        passed = functools.partial(_passed, armed, name)
        setattr(owner, last, _wrapped(getattr(owner, last), moment, only, passed))


def _wrapped(
    function: Callable[..., Any], moment: str, only: str, passed: Callable[[], None]
) -> Callable[..., Any]:
    def told(when: str, arguments: tuple[Any, ...]) -> None:
        if when == moment and (not only or only in arguments):
            passed()

    if inspect.iscoroutinefunction(function):

        @functools.wraps(function)
        async def asynchronous(*arguments: Any, **named: Any) -> Any:
            told("before", arguments)
            result = await function(*arguments, **named)
            told("after", arguments)
            return result

        return asynchronous

    @functools.wraps(function)
    def synchronous(*arguments: Any, **named: Any) -> Any:
        told("before", arguments)
        result = function(*arguments, **named)
        told("after", arguments)
        return result

    return synchronous


def arm(armed: Path, name: str) -> None:
    (armed / name).touch()


def disarm(armed: Path, name: str) -> None:
    (armed / name).unlink(missing_ok=True)


def reached(armed: Path) -> list[str]:
    """Names of all that were reached, one for each time."""
    written = armed.parent / REACHED
    return written.read_text().splitlines() if written.exists() else []


def _passed(armed: Path, name: str) -> None:
    try:
        (armed / name).unlink()
    except FileNotFoundError:
        return
    with (armed.parent / REACHED).open("a") as file:
        file.write(name + "\n")
        file.flush()
        os.fsync(file.fileno())
    os.kill(os.getpid(), signal.SIGKILL)
