"""Which DAGs publish which contract, and what their tasks do: by what the DAGs say, whatever they are called.

``PublishOperator`` has the published tables as outlets, which Airflow lists by DAG; what else is asked about one DAG is in its
serialized form.
"""

from __future__ import annotations

from pathlib import PurePath
from typing import Any

from octavo_airflow.assets import GROUP, rebuild_tag

# What each operator's tasks are called on the pages. A test holds the names against the operators.
STAGES = {
    "ReadPagesOperator": "read", "ChunkPagesOperator": "chunk", "ExtractLayoutOperator": "extract_layout",
    "MolmoExtractOperator": "extract_molmo", "MergeOperator": "merge", "ValidateOperator": "validate", "PublishOperator": "publish",
}


def publishing() -> dict[str, set[str]]:
    """The contracts whose tables each DAG publishes, by the DAG's id."""
    from airflow.models.asset import AssetModel, TaskOutletAssetReference
    from airflow.utils.session import create_session
    from sqlalchemy import select

    named = select(TaskOutletAssetReference.dag_id, AssetModel.name).join(TaskOutletAssetReference.asset).where(AssetModel.group == GROUP)
    found: dict[str, set[str]] = {}
    with create_session() as session:
        for dag, name in session.execute(named):
            contract, _, table = name.partition("/")
            if table == contract:
                found.setdefault(dag, set()).add(contract)
    return found


def rebuilding(contract: str) -> str | None:
    """The DAG that rebuilds a contract's published days; None without one."""
    from airflow.models.dag import DagTag
    from airflow.utils.session import create_session
    from sqlalchemy import select

    with create_session() as session:
        return session.scalar(select(DagTag.dag_id).where(DagTag.name == rebuild_tag(contract)).order_by(DagTag.dag_id).limit(1))


def stage(dag: str, task: str) -> tuple[str, str]:
    """What a task does, of ``STAGES``, and the name of its contract. Both are empty where it is none of Octavo's, or not in the DAG any
    more."""
    found = _serialized(dag)
    if found is None or not found.has_task(task):
        return "", ""
    one = found.get_task(task)
    contract = one.partial_kwargs.get("contract", "") if one.is_mapped else getattr(one, "contract", "")
    return STAGES.get(one.task_type, ""), PurePath(str(contract)).stem


def takes(dag: str, *params: str) -> bool:
    """Whether somebody who starts a run of a DAG can say these things."""
    found = _serialized(dag)
    return found is not None and all(name in found.params for name in params)


def _serialized(dag: str) -> Any:
    """The latest version of a DAG, as Airflow's scheduler has it; None for none of this id."""
    from airflow.models.serialized_dag import SerializedDagModel

    found = SerializedDagModel.get(dag)
    return found.dag if found is not None else None
