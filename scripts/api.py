"""A small client of Airflow's REST API, for the demonstration and the end-to-end tests."""

from __future__ import annotations

import time
from typing import Any

import httpx

FINISHED = ("success", "failed")


class AirflowApi:
    """Airflow at ``url`` for the user and password of ``login``."""

    def __init__(self, url: str, login: tuple[str, str]) -> None:
        self.client = httpx.Client(base_url=url, timeout=120)  # a swamped machine answers late
        answer = self.client.post("/auth/token", json={"username": login[0], "password": login[1]})
        self.token: str = answer.raise_for_status().json()["access_token"]
        self.client.headers["Authorization"] = f"Bearer {self.token}"

    def get(self, path: str, **params: Any) -> Any:
        return self.client.get(f"/api/v2/{path}", params=params).raise_for_status().json()

    def post(self, path: str, body: dict[str, Any]) -> Any:
        return self.client.post(f"/api/v2/{path}", json=body).raise_for_status().json()

    def has_dag(self, dag: str) -> bool:
        return self.client.get(f"/api/v2/dags/{dag}").status_code == 200

    def trigger(self, dag: str, **params: Any) -> str:
        """Start a run; returns its id."""
        return str(self.post(f"dags/{dag}/dagRuns", {"logical_date": None, "conf": params})["dag_run_id"])

    def state(self, dag: str, run: str) -> str:
        return str(self.get(f"dags/{dag}/dagRuns/{run}")["state"])

    def tasks(self, dag: str, run: str) -> list[dict[str, Any]]:
        """Every task instance of the run, mapped ones too."""
        return list(self.get(f"dags/{dag}/dagRuns/{run}/taskInstances", limit=1000)["task_instances"])

    def wait(self, dag: str, run: str, seconds: float) -> str:
        """The run's final state; ``TimeoutError`` past ``seconds``."""
        deadline = time.monotonic() + seconds
        while (state := self.state(dag, run)) not in FINISHED:
            if time.monotonic() > deadline:
                stuck = [f"{task['task_id']}[{task['map_index']}] {task['state']}" for task in self.tasks(dag, run)]
                raise TimeoutError(f"{dag} {run} is {state} after {seconds:g} s: {', '.join(stuck)}")
            time.sleep(1)
        return state

    def xcom(self, dag: str, run: str, task: str, key: str = "return_value", index: int = -1) -> Any:
        path = f"dags/{dag}/dagRuns/{run}/taskInstances/{task}/xcomEntries/{key}"
        return self.get(path, map_index=index, deserialize="true")["value"]

    def log(self, dag: str, run: str, task: str, attempt: int, index: int = -1) -> list[dict[str, Any]]:
        """The structured events of one attempt."""
        path = f"dags/{dag}/dagRuns/{run}/taskInstances/{task}/logs/{attempt}"
        return list(self.get(path, map_index=index, full_content="true")["content"])
