"""Options of `make run`: command line first, then the environment."""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path

from mom.embedded.environment import ROOT
from plant import env


@dataclass(frozen=True)
class Options:
    """Where the data lies, where the pages listen, and whether the demo plant runs."""

    data_dir: Path
    web_host: str = "127.0.0.1"
    web_port: int = 8000
    demo: bool = True


def options_read(arguments: list[str]) -> tuple[Options, bool]:
    """(options, whether to end with the process that started us, as under make)."""
    parser = argparse.ArgumentParser(
        prog="run_plant", description="Run the whole installation on this machine."
    )
    parser.add_argument(
        "--host", default=env.text("MOM_WEB_HOST", "127.0.0.1"), help="address the pages listen on"
    )
    parser.add_argument(
        "--port", type=int, default=env.integer("MOM_WEB_PORT", 8000, minimum=1), help="first port tried"
    )
    parser.add_argument("--data-dir", type=Path, default=Path(env.text("MOM_DATA_DIR") or ROOT / ".run"))
    parser.add_argument("--no-demo", action="store_true", help="without the demo plant and its machines")
    parser.add_argument("--follow-parent", action="store_true", help="end when the starting process ends")
    read = parser.parse_args(arguments)
    options = Options(
        data_dir=read.data_dir.absolute(),
        web_host=read.host,
        web_port=read.port,
        demo=not read.no_demo and env.flag("MOM_DEMO", True),
    )
    return options, read.follow_parent
