"""Starts the whole installation in order, keeps it running, and leaves nothing behind when it ends."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType

from mom.embedded import environment, identity, preparation, process
from mom.embedded.announce import Terminal
from mom.embedded.interface import Server, StartFailed
from mom.embedded.options import Options
from mom.embedded.processes import Program, programs
from mom.embedded.servers import Servers
from mom.embedded.start_page import Progress, StartPage

BACK_OFF_SECONDS = (1.0, 2.0, 4.0, 8.0, 15.0, 30.0)
STEADY_SECONDS = 60.0
LOOK_EVERY_SECONDS = 0.25
LOGS_TRIMMED_EVERY_SECONDS = 60.0
FIRST_ANSWER_SECONDS = 90.0


class Interrupted(BaseException):
    """SIGINT, SIGTERM or SIGHUP arrived; a BaseException, so that no handler mistakes it for a fault."""


@dataclass
class Watched:
    """One thing kept running: a program, or an embedded server when `server` is set."""

    name: str
    start: Callable[[], None]
    alive: Callable[[], bool]
    failures: int = 0
    started_at: float = 0.0
    retry_at: float | None = None


@dataclass
class Supervisor:
    options: Options
    terminal: Terminal
    _progress: Progress = field(default_factory=Progress)
    _children: dict[str, tuple[Program, subprocess.Popen[bytes]]] = field(default_factory=dict)
    _watched: list[Watched] = field(default_factory=list)
    _stopping: bool = False

    def run(self) -> int:
        """Until a signal; the exit status."""
        data = self.options.data_dir
        data.mkdir(parents=True, exist_ok=True, mode=0o711 if os.geteuid() == 0 else 0o700)
        (data / "logs").mkdir(exist_ok=True, mode=0o700)
        lock = environment.lock_try(data)
        if lock is None:
            self.terminal.fault(
                f"another `make run` is using {data}; stop that one first, or set MOM_DATA_DIR"
            )
            return 1
        self._listen_to_signals()
        self._servers = Servers(data_dir=data, logs=data / "logs")
        try:
            self._start()
            self._watch()
        except Interrupted:
            self.terminal.say("stopping")
        except StartFailed as fault:
            self.terminal.fault(str(fault))
            return 1
        finally:
            self._stopping = True
            self._stop()
            lock.close()
        return 0

    def _listen_to_signals(self) -> None:
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, self._interrupt)

    def _interrupt(self, _number: int, _frame: FrameType | None) -> None:
        # A second Ctrl-C must not cut short the orderly stop the first one began.
        if not self._stopping:
            self._stopping = True
            raise Interrupted

    def _still_wanted(self) -> None:
        """Python drops what a signal handler raises inside a finalizer or an import: it is raised again."""
        if self._stopping:
            raise Interrupted

    # Start

    def _start(self) -> None:
        began = time.monotonic()
        for name in identity.orphans_end(self._pids):
            self.terminal.say(f"ended {name}, left running by an earlier run")
        self._listener = self._web_listen()
        page = StartPage(self._listener, self._progress)
        page.open()
        try:
            self._servers_start()
            self._prepare()
        finally:
            page.close()
        with self._step("processes"):
            for program in programs(
                data_dir=self.options.data_dir, web_socket=self._listener.fileno(), demo=self.options.demo
            ):
                self._program_add(program)
        with self._step("first answer"):
            preparation.first_answer_wait(
                self._local_url, seconds=FIRST_ANSWER_SECONDS, look=self._watch_once
            )
        self.terminal.ready(self._web_url, self._given, self.options, seconds=time.monotonic() - began)

    @contextlib.contextmanager
    def _step(self, doing: str) -> Iterator[None]:
        self._still_wanted()
        self._progress.doing = doing
        self._progress.step += 1
        self.terminal.step_begin(self._progress.step, self._progress.total, doing)
        began = time.monotonic()
        yield
        self.terminal.step_end(time.monotonic() - began)

    def _web_listen(self) -> socket.socket:
        """Held by us for good: a web process that is restarted finds its port, and its visitors, waiting."""
        wanted, host = self.options.web_port, self.options.web_host
        listener = process.listen_from(wanted, host)
        port = int(listener.getsockname()[1])
        if port != wanted:
            self.terminal.say(f"port {wanted} is in use{process.port_user(wanted)}: taking {port} instead")
        self._web_port = port
        self.terminal.say(f"progress: {self._local_url}")
        return listener

    @property
    def _local_url(self) -> str:
        host = "127.0.0.1" if self.options.web_host == "0.0.0.0" else self.options.web_host
        return f"http://{host}:{self._web_port}/"

    @property
    def _web_url(self) -> str:
        if self.options.web_host != "0.0.0.0":
            return self._local_url
        return f"http://{preparation.own_address()}:{self._web_port}/"

    @property
    def _pids(self) -> Path:
        return self.options.data_dir / "processes"

    def _servers_start(self) -> None:
        for doing, start in (
            ("database", self._servers.database_start),
            ("task queue", self._servers.queue_start),
            ("message broker", self._servers.broker_start),
        ):
            with self._step(doing):
                server = start()
                if server is None:
                    self.terminal.note("external")
                    continue
                self._remember(server.name, server.process_id)
                self._watch_add(Watched(server.name, self._server_restarter(server), _server_alive(server)))

    def _server_restarter(self, server: Server) -> Callable[[], None]:
        def restart() -> None:
            server.stop()
            server.start()
            self._remember(server.name, server.process_id)

        return restart

    def _prepare(self) -> None:
        data, urls = self.options.data_dir, self._servers.variables()
        hosts = {"localhost", "127.0.0.1", "[::1]", self.options.web_host, *preparation.own_names()} - {
            "0.0.0.0"
        }
        published = preparation.variables(urls, data_dir=data, hosts=hosts, web_url=self._local_url)
        environment.publish(data, published)
        self._environment = os.environ | environment.FRUGAL | published
        with self._step("database schema"):
            preparation.schema_migrate(self._environment, log=self._log("migrate"))
        with self._step("translations, pages and the demo plant"):
            self._given = preparation.plant_prepare(
                self._environment, log=self._log("prepare"), demo=self.options.demo
            )

    # Run

    def _log(self, name: str) -> Path:
        return self.options.data_dir / "logs" / f"{name}.log"

    def _program_add(self, program: Program) -> None:
        def start() -> None:
            self._program_start(program)

        self._watch_add(Watched(program.name, start, lambda: self._children[program.name][1].poll() is None))
        start()

    def _watch_add(self, watched: Watched) -> None:
        watched.started_at = time.monotonic()
        self._watched.append(watched)

    def _program_start(self, program: Program) -> None:
        if program.name in self._children:
            # What a crashed leader left of its session would work beside its successor.
            process.kill_session(self._children[program.name][1].pid)
        child = process.spawn(
            program.command,
            log=self._log(program.name),
            environment=self._environment,
            folder=environment.ROOT,
            keep_open=[self._listener.fileno()] if program.takes_web_socket else [],
        )
        self._children[program.name] = (program, child)
        self._remember(program.name, child.pid)

    def _remember(self, name: str, pid: int | None) -> None:
        if pid is not None:
            identity.remember(self._pids, name, pid, process.command_line(pid))

    def _watch(self) -> None:
        trimmed_at = time.monotonic()
        while True:
            self._watch_once()
            if time.monotonic() - trimmed_at > LOGS_TRIMMED_EVERY_SECONDS:
                trimmed_at = time.monotonic()
                for log in (self.options.data_dir / "logs").glob("*.log"):
                    process.log_trim(log)
            time.sleep(LOOK_EVERY_SECONDS)

    def _watch_once(self) -> None:
        self._still_wanted()
        now = time.monotonic()
        for watched in self._watched:
            if watched.retry_at is not None:
                if now >= watched.retry_at:
                    self._restart(watched, now)
            elif not watched.alive():
                if now - watched.started_at > STEADY_SECONDS:
                    watched.failures = 0
                self._failed(watched, now, self._how_it_ended(watched.name))

    def _restart(self, watched: Watched, now: float) -> None:
        watched.retry_at = None
        watched.started_at = now
        try:
            watched.start()
        except (StartFailed, OSError) as fault:
            self._failed(watched, now, str(fault))

    def _failed(self, watched: Watched, now: float, how: str) -> None:
        pause = BACK_OFF_SECONDS[min(watched.failures, len(BACK_OFF_SECONDS) - 1)]
        watched.failures += 1
        watched.retry_at = now + pause
        said = process.log_tail(self._log(watched.name), lines=1)
        self.terminal.fault(f"{watched.name} {how}; starting it again in {pause:.0f} s: {said[:200]}")

    def _how_it_ended(self, name: str) -> str:
        if name not in self._children:
            return "ended unexpectedly"
        code = self._children[name][1].returncode
        return f"was ended by {signal.Signals(-code).name}" if code < 0 else f"ended with status {code}"

    # Stop

    def _stop(self) -> None:
        """Programs together, last started first, then the servers they were using, in reverse order."""
        children = list(reversed(self._children.values()))
        for _, child in children:
            with contextlib.suppress(ProcessLookupError):
                child.terminate()
        for program, child in children:
            with contextlib.suppress(subprocess.TimeoutExpired):
                child.wait(program.grace)
            process.stop_child(child, (signal.SIGQUIT, 2.0))
            identity.forget(self._pids, program.name)
        for server in reversed(self._servers.running):
            server.stop()
            identity.forget(self._pids, server.name)
        if hasattr(self, "_listener"):
            self._listener.close()
        (self.options.data_dir / environment.FILE_NAME).unlink(missing_ok=True)
        self.terminal.say("stopped; nothing is left running")


def _server_alive(server: Server) -> Callable[[], bool]:
    return lambda: server.process_id is not None
