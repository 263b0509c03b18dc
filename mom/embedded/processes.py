"""What runs beside the servers, in order of start, and how each is stopped."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path

from mom.embedded.environment import ROOT

MANAGE = (sys.executable, str(ROOT / "manage.py"))


@dataclass(frozen=True)
class Program:
    """One long-lived process; `grace` is how long (seconds) it may take to end by itself after SIGTERM."""

    name: str
    command: tuple[str, ...]
    grace: float = 8.0
    takes_web_socket: bool = False


def programs(*, data_dir: Path, web_socket: int, demo: bool) -> list[Program]:
    listed = [
        Program("web", _web(web_socket), takes_web_socket=True),
        Program("worker", _worker()),
        Program("beat", _beat(data_dir)),
        Program("runner", (*MANAGE, "run_connector", "--all")),
    ]
    return [*listed, Program("demo", (*MANAGE, "demo_plant"))] if demo else listed


def _web(web_socket: int) -> tuple[str, ...]:
    options = ["--workers=1", "--worker-class=gthread", "--threads=8", "--preload", "--graceful-timeout=3"]
    options += ["--timeout=60", "--keep-alive=30", "--worker-tmp-dir=/tmp", "--no-control-socket"]
    return (sys.executable, "-m", "gunicorn", "mom.wsgi", f"--bind=fd://{web_socket}", *options)


def _worker() -> tuple[str, ...]:
    options = ["--queues=ingest,stitch,default", "--concurrency=2", "--loglevel=INFO"]
    options += ["--without-gossip", "--without-mingle", "--hostname=mom@localhost"]
    return (sys.executable, "-m", "celery", "-A", "mom", "worker", *options)


def _beat(data_dir: Path) -> tuple[str, ...]:
    schedule = data_dir / "beat-schedule"
    options = ["--loglevel=INFO", f"--schedule={schedule}", "--pidfile="]
    return (sys.executable, "-m", "celery", "-A", "mom", "beat", *options)
