"""Pools, and the check that they are there: Airflow leaves a task without its pool ``scheduled`` for ever."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from octavo.model.errors import OctavoError, SettingsError

if TYPE_CHECKING:
    from airflow.sdk import DAG

log = logging.getLogger(__name__)

OCR = "octavo_ocr"
MOLMO = "molmo_gpu"
CONNECTION = "octavo_airflow_api"
TIMEOUT_SECONDS = 10


class PoolsUnknown(OctavoError):
    """Airflow's API did not say which pools there are."""


def of_backfill(pool: str, named: str | None) -> str:
    """The pool that a backfill's task takes its slots from, in place of ``pool``.

    :param named: ``Settings.backfill_pool``.
    """
    return named if named and pool == OCR else pool


def check(dag: DAG, backfill_pool: str | None = None) -> None:
    """See that every pool that a task of ``dag`` asks for exists and is large enough.

    Tasks cannot look into Airflow's database, so this asks the REST API. Where that answers nobody
    without a login, a connection ``octavo_airflow_api`` (login and password) lets it in.

    Args:
        backfill_pool: takes the place of ``octavo_ocr`` in this run.

    Raises:
        SettingsError: a pool is missing or too small; the text has the command that mends it.
    """
    try:
        slots = _slots()
    except PoolsUnknown as error:
        log.warning("The pools were not checked (%s). A task whose pool is missing would wait for ever.", error)
        return
    problems = shortages(((task.task_id, of_backfill(task.pool, backfill_pool), task.pool_slots) for task in dag.tasks), slots)
    if problems:
        raise SettingsError("\n".join(problems))


def shortages(wanted: Iterable[tuple[str, str, int]], slots: Mapping[str, int]) -> list[str]:
    """One line per pool that is missing or smaller than a task's need.

    Args:
        wanted: (task, its pool, the slots that one instance of it takes).
        slots: size of each pool that exists; -1 is unlimited.
    """
    needs: dict[str, tuple[int, str]] = {}
    for task, pool, size in wanted:
        needs[pool] = max(needs.get(pool, (0, task)), (size, task), key=lambda need: need[0])
    problems = []
    for pool, (size, task) in sorted(needs.items()):
        have = slots.get(pool)
        if have is None:
            problems.append(f"pool {pool} does not exist, so {task} would wait for ever; make it: airflow pools set {pool} {size} Octavo")
        elif 0 <= have < size:
            problems.append(
                f"pool {pool} has {have} slots and {task} takes {size}, so it would wait for ever; "
                f"enlarge it: airflow pools set {pool} {size} Octavo, or lower OCTAVO_PROCESSES"
            )
    return problems


def _slots() -> dict[str, int]:
    """Size of every pool, from the REST API."""
    import httpx

    base, login = _api()
    try:
        with httpx.Client(base_url=base, timeout=TIMEOUT_SECONDS) as client:
            answer = client.post("/auth/token", json=login) if login else client.get("/auth/token")
            if answer.status_code >= 400:
                raise PoolsUnknown(
                    f"{base}/auth/token answered {answer.status_code}; "
                    f"give the connection {CONNECTION} a login and a password that may read pools"
                )
            headers = {"Authorization": f"Bearer {answer.json()['access_token']}"}
            found: dict[str, int] = {}
            while True:
                page = client.get("/api/v2/pools", headers=headers, params={"limit": 100, "offset": len(found)})
                if page.status_code >= 400:
                    raise PoolsUnknown(f"{base}/api/v2/pools answered {page.status_code}")
                pools = page.json()["pools"]
                found.update({pool["name"]: pool["slots"] for pool in pools})
                if not pools or len(found) >= page.json()["total_entries"]:
                    return found
    except httpx.HTTPError as error:
        raise PoolsUnknown(f"{base} did not answer: {error}") from error


def _api() -> tuple[str, dict[str, Any] | None]:
    """Address of the API server, and the login if there is one.

    Workers know the address of the execution API; the REST API is served beside it.
    """
    from airflow.sdk import BaseHook, conf
    from airflow.sdk.exceptions import AirflowNotFoundException

    base = conf.get("core", "execution_api_server_url", fallback="") or f"{conf.get('api', 'base_url', fallback='http://localhost:8080')}"
    base = base.rstrip("/").removesuffix("/execution")
    try:
        connection = BaseHook.get_connection(CONNECTION)
    except AirflowNotFoundException:
        return base, None
    if connection.host:
        base = f"{connection.schema or 'http'}://{connection.host}:{connection.port or 8080}"
    return base, {"username": connection.login, "password": connection.password}
