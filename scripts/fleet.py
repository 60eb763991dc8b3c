"""The fleet of a local stack: Redis as the broker, and Celery workers for the queues ``default`` and ``gpu``.

Each worker has a folder of its own with its own temporary files and its own ``AIRFLOW_HOME``, as on a machine of its own;
what workers hand each other lies in the landing folder, the lake and the stores. Only logs of tasks lie in one folder for
all, so that the UI finds them without a log server.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import redis
from celery import Celery

DEFAULT, GPU = "default", "gpu"
# How soon a fleet notices that a worker is gone; docs/fleet.md tells what each is for.
RECOVERY = {
    # A task that has sent no heartbeat for so long (seconds) is tried again. Airflow's default is 300.
    "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT": "30",
    "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT_DETECTION_INTERVAL": "5",
    # A task that a worker took and never began is sent again after so long (seconds). Airflow's default is 600.
    "AIRFLOW__SCHEDULER__TASK_QUEUED_TIMEOUT": "60",
    "AIRFLOW__SCHEDULER__TASK_QUEUED_TIMEOUT_CHECK_INTERVAL": "5",
    # What a scheduler had queued when it died is taken up by the first look (every so many seconds) after its last heartbeat is 30 s old:
    # the look of the scheduler that replaces it comes too early. Airflow's default is 300.
    "AIRFLOW__SCHEDULER__ORPHANED_TASKS_CHECK_INTERVAL": "15",
    # The token that is sent with a task is good for as long and for this (seconds): past the moment when it is sent again.
    "AIRFLOW__API_AUTH__JWT_LEEWAY": "30",
    # Sending again is free, so waiting for a busy worker never fails a task. Airflow's default is 2 times.
    "AIRFLOW__SCHEDULER__NUM_STUCK_IN_QUEUED_RETRIES": "1000",
    # The broker itself sends a message again after so long (seconds): longer than any task, since the two above do it sooner.
    "AIRFLOW__CELERY_BROKER_TRANSPORT_OPTIONS__VISIBILITY_TIMEOUT": "86400",
}


@dataclass(frozen=True)
class Worker:
    """A Celery worker: it runs up to ``slots`` tasks of ``queue`` side by side.

    ``device``: what the model's tasks run on, where the environment does not say; empty leaves it to them.
    """

    name: str
    queue: str
    slots: int
    device: str = ""


class Fleet:
    """Redis, which listens on a socket in the private folder ``sockets`` only, and ``workers``, whose folders lie in ``folder``."""

    def __init__(self, folder: Path, sockets: Path, workers: Sequence[Worker]) -> None:
        self.workers = tuple(workers)
        self.folder = folder
        self._socket = sockets / "redis.sock"

    def slots(self, queue: str) -> int:
        """Tasks of ``queue`` that run side by side in the whole fleet."""
        return sum(worker.slots for worker in self.workers if worker.queue == queue)

    @property
    def broker(self) -> str:
        return f"redis+socket://{self._socket}"

    def environment(self) -> dict[str, str]:
        """What the stack's processes have in their environment beside what they have without workers."""
        if not self.workers:
            return {}
        return {
            "AIRFLOW__CORE__EXECUTOR": "CeleryExecutor",
            # What waits for a slot waits in the scheduler, where it costs nothing, rather than in Redis.
            "AIRFLOW__CORE__PARALLELISM": str(sum(worker.slots for worker in self.workers)),
            "AIRFLOW__CELERY__BROKER_URL": self.broker,
            # A worker runs as many reading tasks as it has slots: one process each.
            "OCTAVO_PROCESSES": "1",
            **RECOVERY,
        }

    def home(self, worker: Worker) -> Path:
        """The folder that is the worker's own disk."""
        return self.folder / worker.name

    def prepare(self) -> None:
        """Make the folders that the programs start in."""
        for worker in self.workers:
            (self.home(worker) / "tmp").mkdir(parents=True, exist_ok=True)

    def redis(self) -> str:
        """Redis's command line: on a socket that only its owner and root can open, and in memory only."""
        return f'redis-server --port 0 --unixsocket {self._socket} --unixsocketperm 700 --save "" --appendonly no --dir {self.folder}'

    def command(self, worker: Worker, airflow: Path) -> tuple[str, ...]:
        """The worker's command line, and its lines of supervisord's configuration."""
        home = self.home(worker)
        device = f',OCTAVO_MOLMO_DEVICE="{worker.device}"' if worker.device and "OCTAVO_MOLMO_DEVICE" not in os.environ else ""
        return (
            f"{airflow} celery worker --queues {worker.queue} --concurrency {worker.slots} --celery-hostname {worker.name}@%h"
            " --skip-serve-logs --without-mingle --without-gossip",
            f"directory={home}",
            f'environment=TMPDIR="{home}/tmp",AIRFLOW_HOME="{home}"{device}',
        )

    def accepts(self) -> bool:
        """Whether Redis answers."""
        try:
            with redis.Redis(unix_socket_path=str(self._socket)) as client:
                return bool(client.ping())
        except redis.ConnectionError:
            return False

    def healthy(self) -> bool:
        """Whether every worker answers."""
        if not self.workers:
            return True
        if not self.accepts():
            return False
        with Celery(broker=self.broker) as app:
            answers = app.control.ping(timeout=1, limit=len(self.workers))
        return len(answers) == len(self.workers)


def local(cores: int, gpus: int) -> tuple[Worker, ...]:
    """The workers of one machine: one for each queue."""
    return Worker("default", DEFAULT, cores), Worker("gpu", GPU, max(1, gpus), "cuda" if gpus else "")
