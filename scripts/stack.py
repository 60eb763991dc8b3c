"""The local Airflow stack: PostgreSQL, API server, scheduler, DAG processor and triggerer under supervisord.

    python -m scripts.stack start [--fleet] | stop | status

With ``--fleet`` (or ``EXECUTOR=celery``) tasks run on Celery workers of the queues ``default`` and ``gpu``, with Redis between
them and the scheduler; without, in the scheduler's own processes. Everything it makes lies in one folder (``OCTAVO_VAR``, by
default ``var/``); it listens on 127.0.0.1 only.
"""

from __future__ import annotations

import argparse
import contextlib
import hashlib
import json
import os
import secrets
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import httpx
import psutil
from cryptography.fernet import Fernet

from scripts import fleet
from scripts.database import Database, ForeignFolder, own_folder

REPO = Path(__file__).resolve().parent.parent
BIN = Path(sys.executable).parent
COMPONENTS = ("api-server", "scheduler", "dag-processor", "triggerer")
# Where a browser logs in, and the environment variable that has the token for it; scripts.login looks at both.
ENTRANCE, TOKEN = "/auth/enter", "OCTAVO_STACK_TOKEN"
MARK = "OCTAVO_STACK"  # in the environment of every process of a stack: stop finds orphans by it
START_SECONDS = 180
STOP_SECONDS = 45

# What tasks import; a module that is not there would be passed over without a word.
PRELOADED = (
    "airflow.executors.local_executor", "airflow.sdk.execution_time.task_runner", "octavo_airflow.operators", "octavo.workflows.pipeline",
    "octavo.publishing.expectations",
)


class StackError(Exception):
    """The stack cannot start or stop; the text says what to do."""


class Stack:
    """One Airflow under ``var``; ``extra`` are further environment variables of all its processes.

    Its tasks run on ``workers``, or in the scheduler's own processes where there is none.
    """

    def __init__(
        self, var: Path | None = None, port: int | None = None, extra: dict[str, str] | None = None, workers: Sequence[fleet.Worker] = (),
    ) -> None:
        self.var = (var or Path(os.environ.get("OCTAVO_VAR") or REPO / "var")).resolve()
        self.port = port or int(os.environ.get("AIRFLOW_PORT", "8080"))
        self.extra = extra or {}
        self.database = Database(self.var / "postgres")
        self.logs = self.var / "logs"
        self._config = self.var / "supervisord.conf"
        self._settings_file = self.var / "settings.env"
        self._session_file = self.var / "supervisord.session"
        self._passwords_file = self.var / "airflow" / "passwords.json"
        sockets = Path(tempfile.gettempdir()) / f"octavo-stack-{hashlib.sha256(str(self.var).encode()).hexdigest()[:12]}"
        self._socket = sockets / "supervisor.sock"
        self.fleet = fleet.Fleet(self.var / "workers", sockets, workers)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def started_port(self) -> int:
        """The port at which the stack was started last; the one that was asked for, where it never was."""
        settings = self._settings_file.read_text().splitlines() if self._settings_file.is_file() else []
        return next((int(line.removeprefix("port=")) for line in settings if line.startswith("port=")), self.port)

    @property
    def login(self) -> tuple[str, str]:
        """Name and password of the stack's admin."""
        return "admin", json.loads(self._passwords_file.read_text())["admin"]

    @property
    def entrance(self) -> str:
        """The address that logs a browser in: whoever has it is admin."""
        return f"{self.url}{ENTRANCE}?token={self._secrets()['token']}"

    @property
    def cores(self) -> int:
        """Processes that read pages side by side."""
        if self.fleet.workers:
            return self.fleet.slots(fleet.DEFAULT)
        return int(self.extra.get("OCTAVO_PROCESSES") or os.environ.get("OCTAVO_PROCESSES") or os.cpu_count() or 1)

    def environment(self) -> dict[str, str]:
        """What every process of the stack, and ``airflow`` on the command line, has in its environment."""
        keys = self._secrets()
        own = {
            MARK: str(self.var),
            "PATH": f"{BIN}{os.pathsep}{os.environ.get('PATH', os.defpath)}",
            "AIRFLOW_HOME": str(self.var / "airflow"),
            "AIRFLOW__CORE__DAGS_FOLDER": str(REPO / "dags"),
            "AIRFLOW__CORE__PLUGINS_FOLDER": str(REPO / "plugins"),
            "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
            "AIRFLOW__CORE__EXECUTOR": "LocalExecutor",
            "AIRFLOW__CORE__PARALLELISM": str(self.cores + 2),
            "AIRFLOW__CORE__DAGS_ARE_PAUSED_AT_CREATION": "False",
            "AIRFLOW__CORE__FERNET_KEY": keys["fernet"],
            "AIRFLOW__CORE__EXECUTION_API_SERVER_URL": f"{self.url}/execution/",
            "AIRFLOW__CORE__AUTH_MANAGER": "scripts.login.LocalAuthManager",
            # `checks` may look and change nothing: tasks ask by it whether their pools are there.
            "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS": "admin:admin,checks:viewer",
            "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE": str(self._passwords_file),
            "AIRFLOW_CONN_OCTAVO_AIRFLOW_API": json.dumps({"conn_type": "http", "login": "checks", "password": keys["checks"]}),
            "PYTHONPATH": os.pathsep.join(filter(None, (str(REPO), os.environ.get("PYTHONPATH")))),
            TOKEN: keys["token"],
            "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": self.database.uri,
            "AIRFLOW__API__HOST": "127.0.0.1",
            "AIRFLOW__API__PORT": str(self.port),
            "AIRFLOW__API__BASE_URL": self.url,
            "AIRFLOW__API__WORKERS": "1",
            "AIRFLOW__API__SECRET_KEY": keys["api"],
            "AIRFLOW__API_AUTH__JWT_SECRET": keys["jwt"],
            "AIRFLOW__DAG_PROCESSOR__REFRESH_INTERVAL": "10",
            "AIRFLOW__WORKERS__MIN_HEARTBEAT_INTERVAL": "1",  # the default of 5 triples the overhead of a task
            "AIRFLOW__SCHEDULER__SCHEDULER_IDLE_SLEEP_TIME": "0.5",
            # A task is forked from a process that has imported what stages need: seconds of processor time for each.
            "AIRFLOW__SCHEDULER__MP_START_METHOD": "forkserver",
            "AIRFLOW__SCHEDULER__MP_FORKSERVER_PRELOAD": ",".join(PRELOADED),
            "AIRFLOW__SCHEDULER__ORPHANED_TASKS_CHECK_INTERVAL": fleet.RECOVERY["AIRFLOW__SCHEDULER__ORPHANED_TASKS_CHECK_INTERVAL"],
            "AIRFLOW__LOGGING__BASE_LOG_FOLDER": str(self.var / "airflow" / "logs"),
            "OCTAVO_LANDING": str(self.var / "landing"),
            "OCTAVO_LAKE": str(self.var / "lake"),
            **self.fleet.environment(),
        }
        given = {name: value for name, value in os.environ.items() if name.startswith("OCTAVO_")}
        return {**os.environ, **own, **given, **self.extra, MARK: str(self.var)}

    def start(self, tell: Callable[[str], None] = lambda text: None) -> None:
        """Start what does not run yet, and return when every component is healthy."""
        shown = {name: value for name, value in sorted(self.environment().items()) if name.startswith("OCTAVO_")}
        shown |= {"workers": str(self.fleet.workers), "port": str(self.port)}
        settings = "".join(f"{name}={value}\n" for name, value in shown.items())
        if self._supervised() and self.healthy():
            if self._settings_file.is_file() and self._settings_file.read_text() == settings:
                tell("Airflow is up already")
                return
            tell("Airflow is up with other settings: starting it anew")
        self.stop()
        if not self._port_is_free():
            raise StackError(f"port {self.port} of 127.0.0.1 is taken by another program; stop it, or choose another: AIRFLOW_PORT=8081")
        for folder in (self.var, self.logs, self.var / "airflow", self.var / "landing", self.var / "lake"):
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        try:
            own_folder(self._socket.parent)
            self.database.prepare()
        except ForeignFolder as error:
            raise StackError(str(error)) from error
        if not self._passwords_file.exists():
            _private(self._passwords_file, json.dumps({name: self._secrets()[name] for name in ("admin", "checks")}))
        if self.fleet.workers:
            if shutil.which("redis-server") is None:
                raise StackError("redis-server is not installed; run EXECUTOR=celery scripts/setup.sh, or apt-get install redis-server")
            self.fleet.prepare()
        _private(self._settings_file, settings)
        environment = self.environment()
        _private(self.var / "airflow.env", "".join(
            f"export {name}={shlex.quote(value)}\n" for name, value in environment.items()
            if name.startswith(("AIRFLOW", "OCTAVO_")) and os.environ.get(name) != value
        ))
        _private(self._config, self._supervisord_config())
        tell("starting PostgreSQL and Redis" if self.fleet.workers else "starting PostgreSQL")
        self._run(BIN / "supervisord", "-c", self._config)
        self._wait("PostgreSQL", self.database.accepts, 60, "postgres.log")
        if self.fleet.workers:
            self._wait("Redis", self.fleet.accepts, 60, "redis.log")
        self._remember_session()
        tell("preparing Airflow's database")
        self._run(BIN / "airflow", "db", "migrate")
        self._make_pools()
        tell("starting " + ", ".join(COMPONENTS))
        self._run(BIN / "supervisorctl", "-c", self._config, "start", *COMPONENTS)
        self._wait("Airflow", self._airflow_healthy, START_SECONDS, "*.log")
        if self.fleet.workers:  # after the API server: a task that does not reach it fails
            workers = [f"worker-{worker.name}" for worker in self.fleet.workers]
            tell("starting " + ", ".join(workers))
            self._run(BIN / "supervisorctl", "-c", self._config, "start", *workers)
            self._wait("a Celery worker", self.fleet.healthy, START_SECONDS, "worker-*.log")

    def stop(self) -> int:
        """End every process of the stack and their children; returns how many there were."""
        processes = list(self.processes())
        if self._supervised():
            subprocess.run(
                [BIN / "supervisorctl", "-c", self._config, "shutdown"], check=False, capture_output=True, timeout=STOP_SECONDS
            )
            psutil.wait_procs([p for p in processes if _is_supervisord(p)], timeout=STOP_SECONDS)
        for end in (signal.SIGTERM, signal.SIGKILL):
            left = [process for process in self.processes() if process.pid != os.getpid()]
            for process in left:
                with contextlib.suppress(psutil.NoSuchProcess):
                    process.send_signal(end)
            psutil.wait_procs(left, timeout=10)
        self._session_file.unlink(missing_ok=True)
        for sockets in (self._socket.parent, self.database.sockets):
            shutil.rmtree(sockets, ignore_errors=True)  # what has been stopped already is gone
        return len(processes)

    def airflow(self, *arguments: str) -> str:
        """The output of ``airflow ARGUMENTS``."""
        return self._run(BIN / "airflow", *arguments)

    def _make_pools(self) -> None:
        """Create the pools, or set them to this machine's cores and GPUs."""
        pools = {
            "octavo_ocr": {"slots": self.cores, "description": "reading pages: a slot is a process", "include_deferred": False},
            "molmo_gpu": {"slots": max(1, _gpus()), "description": "extraction by Molmo: a slot is a GPU", "include_deferred": False},
        }
        path = self.var / "pools.json"
        path.write_text(json.dumps(pools, indent=1))
        self.airflow("pools", "import", str(path))

    def _supervisord_config(self) -> str:
        """One program per component; each comes back when it dies and ends with its children."""
        programs: dict[str, tuple[str, ...]] = {
            "postgres": (shlex.join(self.database.command), "autostart=true", "stopsignal=INT", "priority=1"),
        }
        if self.database.user:
            programs["postgres"] += (f"user={self.database.user}", "directory=/")
        if self.fleet.workers:
            programs["redis"] = (self.fleet.redis(), "autostart=true", "priority=1")
        for name in COMPONENTS:
            quiet = " --skip-serve-logs" if name in ("scheduler", "triggerer") else ""
            programs[name] = (f"{BIN}/airflow {name}{quiet}", "autostart=false", "stopsignal=TERM", "priority=10")
        for worker in self.fleet.workers:
            programs[f"worker-{worker.name}"] = (*self.fleet.command(worker, BIN / "airflow"), "autostart=false", "priority=10")
        text = (
            f"[supervisord]\nlogfile={self.logs}/supervisord.log\npidfile={self.var}/supervisord.pid\n"
            f"directory={self.var}\nchildlogdir={self.logs}\n{'user=root' if os.geteuid() == 0 else ''}\n"
            f"[unix_http_server]\nfile={self._socket}\nchmod=0600\n"
            "[rpcinterface:supervisor]\nsupervisor.rpcinterface_factory=supervisor.rpcinterface:make_main_rpcinterface\n"
            f"[supervisorctl]\nserverurl=unix://{self._socket}\n"
        )
        for name, (command, *lines) in programs.items():
            text += (
                f"[program:{name}]\ncommand={command.replace('%', '%%')}\n" + "\n".join(lines) + "\nautorestart=true\nstartretries=10\n"
                "startsecs=1\nstopasgroup=true\nkillasgroup=true\nstopwaitsecs=20\nredirect_stderr=true\n"
                f"stdout_logfile={self.logs}/{name}.log\nstdout_logfile_maxbytes=10MB\nstdout_logfile_backups=1\n"
            )
            if name == "postgres":  # every signal goes to the postmaster alone; it ends its own children
                text = text.replace("stopasgroup=true", "stopasgroup=false", 1)
        return text

    def _secrets(self) -> dict[str, str]:
        """Keys of this installation, made once."""
        path = self.var / "secrets.json"
        known: dict[str, str] = json.loads(path.read_text()) if path.exists() else {"fernet": Fernet.generate_key().decode()}
        keys = {**{name: secrets.token_urlsafe(48) for name in ("api", "jwt", "token", "admin", "checks")}, **known}
        if keys != known:
            self.var.mkdir(parents=True, exist_ok=True, mode=0o700)
            _private(path, json.dumps(keys))
        return keys

    def healthy(self) -> bool:
        return self._airflow_healthy() and self.fleet.healthy()

    def _airflow_healthy(self) -> bool:
        try:
            health = httpx.get(f"{self.url}/api/v2/monitor/health", timeout=5).json()
        except (httpx.HTTPError, ValueError):
            return False
        parts = ("metadatabase", "scheduler", "triggerer", "dag_processor")
        return all(health.get(part, {}).get("status") == "healthy" for part in parts)

    def _supervised(self) -> bool:
        return any(_is_supervisord(process) for process in self.processes())

    def processes(self) -> Iterator[psutil.Process]:
        """Every process of this stack, orphans too; never the one that asks.

        They share supervisord's session. The mark in the environment finds them where the session is
        not known; alone it is not enough, since Airflow's workers overwrite it with their titles.
        """
        mine = {os.getpid(), *(parent.pid for parent in psutil.Process().parents())}
        known = self._session()
        for process in psutil.process_iter():
            with contextlib.suppress(psutil.Error, OSError):
                if process.pid in mine:
                    continue
                in_session = known is not None and os.getsid(process.pid) == known[0] and process.create_time() >= known[1]
                if in_session or process.environ().get(MARK) == str(self.var):
                    yield process

    def _session(self) -> tuple[int, float] | None:
        """Supervisord's session and when it began (seconds since the epoch); None where none is known.

        Never the session of the one that asks, nor 0, which is that of every process without one here.
        """
        try:
            session, since = self._session_file.read_text().split()
        except (FileNotFoundError, ValueError):
            return None
        return (int(session), float(since)) if int(session) > 1 and int(session) != os.getsid(0) else None

    def _remember_session(self) -> None:
        """Keep the session that supervisord leads; one that it does not lead is somebody else's."""
        supervisord = psutil.Process(int((self.var / "supervisord.pid").read_text()))
        if os.getsid(supervisord.pid) == supervisord.pid:
            self._session_file.write_text(f"{supervisord.pid} {supervisord.create_time()}")

    def _port_is_free(self) -> bool:
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", self.port))
            except OSError:
                return False
        return True

    def _run(self, *command: object) -> str:
        words = [str(part) for part in command]
        done = subprocess.run(words, env=self.environment(), cwd=self.var, capture_output=True, text=True, check=False)
        if done.returncode:
            raise StackError(f"{shlex.join(words)} ended with {done.returncode}:\n{(done.stdout + done.stderr)[-3000:]}")
        return done.stdout

    def _wait(self, what: str, ready: Callable[[], bool], seconds: float, log: str) -> None:
        deadline = time.monotonic() + seconds
        while not ready():
            if time.monotonic() > deadline:
                raise StackError(f"{what} did not come up within {seconds:g} s; see {self.logs}/{log}")
            time.sleep(0.3)


def _is_supervisord(process: psutil.Process) -> bool:
    with contextlib.suppress(psutil.Error):
        return any(part.endswith("supervisord") for part in process.cmdline()[:2])
    return False


def _private(path: Path, text: str) -> None:
    """Write a file that only its owner can read."""
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as stream:
        stream.write(text)


def _gpus() -> int:
    """How many GPUs the NVIDIA driver lists; 0 without one."""
    try:
        listed = subprocess.run(["nvidia-smi", "-L"], capture_output=True, text=True, check=False, timeout=20)
    except (OSError, subprocess.TimeoutExpired):
        return 0
    return sum(line.startswith("GPU ") for line in listed.stdout.splitlines()) if listed.returncode == 0 else 0


def asked_workers() -> tuple[fleet.Worker, ...]:
    """The workers that the environment asks for by ``EXECUTOR``: ``celery`` for some, ``local`` or nothing for none."""
    match executor := os.environ.get("EXECUTOR") or "local":
        case "local":
            return ()
        case "celery":
            return fleet.local(os.cpu_count() or 1, _gpus())
    raise StackError(f"EXECUTOR is {executor!r}; it may be local or celery")


def free_port() -> int:
    """A port of 127.0.0.1 that nobody listens at now."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


def say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("do", choices=["start", "stop", "status"])
    parser.add_argument("--fleet", action="store_true", help="tasks run on Celery workers, as with EXECUTOR=celery")
    args = parser.parse_args()
    if args.fleet:
        os.environ["EXECUTOR"] = "celery"
    try:
        stack = Stack(workers=asked_workers())
        match args.do:
            case "start":
                stack.start(lambda text: say(f"  {text}"))
                say(f"Airflow is up: {stack.entrance}")
            case "stop":
                count = stack.stop()
                say(f"stopped ({count} processes)" if count else "nothing was running")
            case "status":
                stack.port = stack.started_port()
                up = stack.healthy()
                say(f"{stack.entrance if up else stack.url} is {'healthy' if up else 'not up'}")
                return 0 if up else 1
    except StackError as error:
        sys.stderr.write(f"error: {error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
