"""Octavo's DAGs, and its tasks for DAGs of one's own. What a DAG file calls; nothing here opens a document or a table."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from airflow.sdk import DAG, Asset, AssetWatcher, CronDataIntervalTimetable, Param, TaskGroup, get_parsing_context

from octavo.model import contracts as contract_files
from octavo.model.contracts import Contract
from octavo.model.errors import ContractError
from octavo_airflow import notifier, pools
from octavo_airflow import operators as octavo
from octavo_airflow.assets import rebuild_tag
from octavo_airflow.params import run_params
from octavo_airflow.settings import AirflowSettings

PREFIX = "octavo_"  # of the ids of DAGs
ON_ARRIVAL = "on_arrival"
BY_CONTRACT = "by contract"
DOC = """One DAG per contract: documents of a day in, validated Parquet tables out.

`ingest` lists the day's documents and cuts them into shards. Each shard is read (text layer or OCR),
cut into chunks and extracted; `merge` resolves the answers per document, without a language model.
`tables` stages the day, `validate` holds it against the contract's expectations, `ledger` accounts for
every page whatever happened, and only then `publish` replaces the day in the lake.

Scheduled runs and backfills leave a day alone that is published and unchanged; `late` finds the other days that a run has to take.
Start a run by hand for any `day`; nothing that has been read before is read again.
Extraction by Molmo is skipped where no runtime is configured.
"""
HISTORY_DOC = """Two DAGs over what is published for each contract, both started by hand. Who may see or run them is as for the
contract's own DAG.

`octavo_{contract}.remerge` rebuilds days by the contract as it is now, from the words and answers that are kept: it reads no page
and asks no model. To ask a model for new fields, run a backfill of the contract's own DAG: no page is read again.

`octavo_{contract}.review` asks people about values that Octavo is not sure of, one form for each document under *Required Actions*,
and then rebuilds the days of the documents that somebody saved. What people say wins every later run.
"""
# What a person says when starting a run, as the operators take it.
BY_PARAMS = {
    "day": "{{ params.day or '' }}", "extractor": "{{ params.extractor }}", "connection": "{{ params.connection or '' }}",
    "documents": "{{ params.documents or '' }}", "chunking": "{{ params.chunking or '' }}", "fresh": "{{ params.fresh or '' }}",
    "requeue": "{{ params.requeue or '' }}",
}


def build(
    contracts: str | Path | Sequence[str | Path] | None = None, *, prefix: str = PREFIX, owner: str = "octavo", schedule: Any = BY_CONTRACT,
) -> list[DAG]:
    """Make one DAG for each contract. Call it at the top of a DAG file.

    A contract's file that is broken makes no DAG, and the others live on; ``check_contracts`` in a file of its own shows it among the
    import errors.

    :param contracts: a folder of contracts, or names and paths of YAML files; default: the folder that the setting ``contracts`` names.
    :param prefix: of the DAGs' ids, before the contract's name.
    :param owner: who is named beside the DAGs.
    :param schedule: what takes the place of the contracts' own ``schedule``: a cron expression (UTC), ``on_arrival``, None for runs by
        hand only, or whatever else Airflow takes as a DAG's schedule.
    """
    settings = AirflowSettings()
    dags = []
    for contract, named in _contracts(contracts, settings, prefix):
        wanted = contract.schedule if schedule == BY_CONTRACT else schedule
        with DAG(
            prefix + contract.name,
            dag_display_name=f"Octavo: {contract.title}",
            description=contract.description or contract.title,
            doc_md=f"## {contract.title}\n{contract.description}\n\n{DOC}",
            schedule=_schedule(wanted, contract, settings),
            start_date=dt.datetime.fromisoformat(contract.start).replace(tzinfo=dt.UTC) if contract.start else None,
            catchup=False,
            max_active_runs=1,
            tags=["octavo", contract.name],
            default_args={"owner": owner, **octavo.DEFAULTS},
            params=run_params(contract),
        ) as dag:
            late = octavo.LateDaysOperator(task_id="late", contract=named, day=BY_PARAMS["day"])
            octavo.RunDayOperator.partial(task_id="run_late", contract=named).expand_kwargs(late.output)
            _stages(contract, named, settings, **BY_PARAMS)
        dags.append(dag)
    return dags


def document_tasks(
    contract: str | Path, *, group_id: str | None = None, day: str = "", documents: str = "", extractor: str = "", connection: str = "",
    chunking: str = "", fresh: str = "", requeue: str = "", pool: str = pools.OCR, default_args: dict[str, Any] | None = None,
) -> TaskGroup:
    """Read, extract, check and publish the documents of a day, as a group of tasks in a DAG of one's own.

    Its last task, ``publish``, has the published tables as its outlets, the contract's own among them: ``{contract}/{contract}``.

    :param contract: name of a contract in the contracts folder (setting ``contracts``), or path of a contract's YAML file.
    :param group_id: id of the group. Default: the contract's name.
    :param day: the day whose documents are taken, as ``2026-11-02``; empty is the run's own: its partition key, the start of its data
        interval, its logical date, or the moment it was asked for (templated).
    :param documents: a glob on file names; empty takes all of the day (templated).
    :param extractor: ``auto``, ``layout`` or ``molmo``; empty is as the contract says (templated).
    :param connection: id of the connection that names the model; empty is as the contract or the settings say (templated).
    :param chunking: how pages are cut; empty is as the contract says (templated).
    :param fresh: anything but empty: the model is asked anew what it answered before this run began (templated).
    :param requeue: a reason code, or ``any``: what failed on this day for that reason is tried again (templated).
    :param pool: the pool of reading and of extraction by layout. Default ``octavo_ocr``, whose slots are processes that read pages.
    :param default_args: of the group's tasks, over Octavo's own: two retries, ten seconds apart.
    """
    settings = AirflowSettings()
    named = str(contract)
    found = contract_files.find(named, settings.contracts)
    defaults: Any = {**octavo.DEFAULTS, **(default_args or {})}
    with TaskGroup(group_id or found.name, tooltip=found.title, default_args=defaults) as group:
        _stages(
            found, named, settings, pool, day=day, documents=documents, extractor=extractor or found.extractor,
            connection=connection or found.connection or "", chunking=chunking, fresh=fresh, requeue=requeue,
        )
    return group


def history(contracts: Sequence[str] | None = None, *, prefix: str = PREFIX, owner: str = "octavo") -> list[DAG]:
    """Make two DAGs over what is published for each contract. Call it at the top of a DAG file.

    Their ids are ``octavo_{contract}.remerge`` and ``octavo_{contract}.review``: who may see or run them is as for the contract's own DAG.

    :param contracts: names of some of the folder's contracts; default: all.
    :param prefix: of the DAGs' ids, before the contract's name; that of ``build``.
    :param owner: who is named beside the DAGs.
    """
    from octavo_airflow.operators import history as published

    wanted = get_parsing_context().dag_id  # a task's process wants its own DAG alone
    only = wanted and wanted.removeprefix(prefix).partition(".")[0]
    day: dict[str, Any] = {"type": ["null", "string"], "format": "date"}
    dags = []
    for contract in contract_files.load_valid(AirflowSettings().contracts, only)[0]:
        if contracts is not None and contract.name not in contracts:
            continue
        common: dict[str, Any] = {
            "schedule": None, "catchup": False, "max_active_runs": 1, "doc_md": HISTORY_DOC,
            "default_args": {"owner": owner, "contract": contract.name, **octavo.DEFAULTS},
        }
        with DAG(
            f"{prefix}{contract.name}.remerge",
            tags=["octavo", contract.name, rebuild_tag(contract.name)],
            dag_display_name=f"Octavo: {contract.title}, rebuild history",
            description="Rebuild published days by the changed contract",
            params={
                "first": Param(None, description="The first day; empty: all.", **day),
                "last": Param(None, description="The last day; empty: all.", **day),
            },
            **common,
        ) as remerge:
            days = published.RemergeDaysOperator(task_id="days", first="{{ params.first or '' }}", last="{{ params.last or '' }}")
            published.RemergeOperator.partial(task_id="remerge", pool=pools.OCR).expand(group=days.output)

        with DAG(
            f"{prefix}{contract.name}.review",
            tags=["octavo", contract.name],
            dag_display_name=f"Octavo: {contract.title}, review",
            description="Ask people about values that are not sure",
            params={
                "day": Param(None, description="Only documents of this day; empty: all.", **day),
                "documents": Param(10, type="integer", minimum=1, maximum=100, description="Most documents to ask about."),
            },
            **common,
        ) as review:
            cases = published.ReviewCasesOperator(task_id="cases", day=BY_PARAMS["day"], most="{{ params.documents }}")
            ask = published.ReviewOperator.partial(task_id="ask", map_index_template="{{ task.case['uri'].rsplit('/', 1)[-1] }}").expand(
                case=cases.output
            )
            published.RemergeReviewedOperator(task_id="remerge", reviewed=ask.output, pool=pools.OCR)
        dags += [remerge, review]
    return dags


def check_contracts() -> None:
    """Raise what is wrong with the contracts, so that Airflow shows it among the import errors. Call it in a DAG file of its own.

    Raises:
        ContractError: names file, line and remedy, one line per problem.
    """
    errors = contract_files.load_valid(AirflowSettings().contracts)[1]
    if errors:
        raise ContractError("\n".join(map(str, errors)))


def _contracts(
    given: str | Path | Sequence[str | Path] | None, settings: AirflowSettings, prefix: str,
) -> list[tuple[Contract, str]]:
    """Each sound contract, and how its operators name it. A task's process wants its own DAG alone, so it gets that one's."""
    wanted = get_parsing_context().dag_id
    only = wanted.removeprefix(prefix) if wanted else None
    if given is None:
        return [(contract, contract.name) for contract in contract_files.load_valid(settings.contracts, only)[0]]
    if isinstance(given, str | Path) and Path(given).is_dir():
        return [(one, str(Path(given) / f"{one.name}.yaml")) for one in contract_files.load_valid(given, only)[0]]
    names = [str(name) for name in ([given] if isinstance(given, str | Path) else given)]
    return [(contract_files.find(name, settings.contracts), name) for name in names if only in (None, Path(name).stem)]


def _schedule(wanted: Any, contract: Contract, settings: AirflowSettings) -> Any:
    if wanted == ON_ARRIVAL:
        from octavo_airflow.triggers import ArrivalTrigger

        trigger = ArrivalTrigger(contract.name, settings.arrival_poll_seconds, settings.arrival_quiet_seconds)
        root = settings.landing.rstrip("/") if "://" in settings.landing else Path(settings.landing).resolve().as_uri()
        watcher = AssetWatcher(name=f"{contract.name}_arrivals", trigger=trigger)
        return [Asset(name=f"{contract.name}/landing", uri=f"{root}/{contract.name}", group="octavo", watchers=[watcher])]
    return CronDataIntervalTimetable(wanted, timezone="UTC") if isinstance(wanted, str) else wanted


def _stages(
    contract: Contract, named: str, settings: AirflowSettings, pool: str = pools.OCR, *, day: str, extractor: str, connection: str,
    documents: str, chunking: str, fresh: str, requeue: str,
) -> None:
    """The tasks of a day, in the DAG and the group that are being made."""
    every = {"contract": named, "day": day, "extractor": extractor, "connection": connection}
    tell = notifier.callbacks(contract.name, day, settings)
    ingest = octavo.IngestOperator(task_id="ingest", documents=documents, chunking=chunking, fresh=fresh, requeue=requeue, **every)
    read = octavo.ReadPagesOperator.partial(task_id="read", pool=pool, pool_slots=settings.processes, **every).expand(shard=ingest.output)
    chunk = octavo.ChunkPagesOperator.partial(task_id="chunk", **every).expand(shard=ingest.output)
    layout = octavo.ExtractLayoutOperator.partial(task_id="extract_layout", pool=pool, **every).expand(shard=ingest.output)
    molmo_shards = octavo.MolmoShardsOperator(task_id="molmo_shards", **every)
    molmo = octavo.MolmoExtractOperator.partial(
        task_id="extract_molmo", **octavo.placement(settings), **every
    ).expand(shards=molmo_shards.output)
    document_shards = octavo.DocumentShardsOperator(task_id="document_shards", **every)
    merge = octavo.MergeOperator.partial(task_id="merge", trigger_rule="none_failed", **every).expand(shard=document_shards.output)
    tables = octavo.StageTablesOperator(task_id="tables", trigger_rule="none_failed", documents=documents, **every)
    validate = octavo.ValidateOperator(task_id="validate", **every)
    ledger = octavo.LedgerOperator(task_id="ledger", trigger_rule="all_done", on_success_callback=tell, on_failure_callback=tell, **every)
    publish = octavo.PublishOperator(task_id="publish", on_failure_callback=tell, **every)
    ingest >> [molmo_shards, document_shards]
    read >> chunk >> [layout, molmo] >> merge >> tables >> validate >> publish
    [ingest, read, chunk, layout, molmo, merge, tables, validate] >> ledger >> publish
