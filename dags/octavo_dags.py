"""One DAG per contract: documents of a day in, validated Parquet tables out.

`ingest` lists the day's documents and cuts them into shards. Each shard is read (text layer or OCR),
cut into chunks and extracted; `merge` resolves the answers per document, without a language model.
`tables` stages the day, `validate` holds it against the contract's expectations, `ledger` accounts for
every page whatever happened, and only then `publish` replaces the day in the lake.

Scheduled runs and backfills leave a day alone that is published and unchanged; `late` finds days whose documents came late.
Start a run by hand for any `day`; nothing that has been read before is read again.
Extraction by Molmo is skipped where no runtime is configured.
"""

import datetime as dt

from airflow.sdk import DAG, CronDataIntervalTimetable, get_parsing_context

from octavo.model import contracts
from octavo.model.settings import Settings
from octavo_airflow import notifier, pools
from octavo_airflow import operators as octavo
from octavo_airflow.assets import table_assets
from octavo_airflow.params import run_params

settings = Settings()
wanted = get_parsing_context().dag_id  # a task's process wants its own DAG alone
for contract in contracts.load_valid(settings.contracts, wanted and wanted.removeprefix("octavo_"))[0]:
    with DAG(
        f"octavo_{contract.name}",
        dag_display_name=f"Octavo: {contract.title}",
        description=contract.description or contract.title,
        doc_md=f"## {contract.title}\n{contract.description}\n\n{__doc__}",
        schedule=contract.schedule and CronDataIntervalTimetable(contract.schedule, timezone="UTC"),
        start_date=contract.start and dt.datetime.fromisoformat(contract.start).replace(tzinfo=dt.UTC),
        catchup=False,
        max_active_runs=1,
        tags=["octavo", contract.name],
        default_args={"owner": "octavo", "contract": contract.name, **octavo.DEFAULTS},
        params=run_params(contract),
    ):
        tell = notifier.callbacks(contract.name, settings)
        late = octavo.LateDaysOperator(task_id="late")
        octavo.RunDayOperator.partial(task_id="run_late").expand_kwargs(late.output)
        ingest = octavo.IngestOperator(task_id="ingest")
        read = octavo.ReadPagesOperator.partial(task_id="read", pool=pools.OCR, pool_slots=settings.processes).expand(shard=ingest.output)
        chunk = octavo.ChunkPagesOperator.partial(task_id="chunk").expand(shard=ingest.output)
        layout = octavo.ExtractLayoutOperator.partial(task_id="extract_layout", pool=pools.OCR).expand(shard=ingest.output)
        molmo_shards = octavo.MolmoShardsOperator(task_id="molmo_shards")
        molmo = octavo.MolmoExtractOperator.partial(
            task_id="extract_molmo", **octavo.placement(settings)
        ).expand(shards=molmo_shards.output)
        document_shards = octavo.DocumentShardsOperator(task_id="document_shards")
        merge = octavo.MergeOperator.partial(task_id="merge", trigger_rule="none_failed").expand(shard=document_shards.output)
        tables = octavo.StageTablesOperator(task_id="tables", trigger_rule="none_failed")
        validate = octavo.ValidateOperator(task_id="validate")
        ledger = octavo.LedgerOperator(task_id="ledger", trigger_rule="all_done", on_success_callback=tell, on_failure_callback=tell)
        publish = octavo.PublishOperator(task_id="publish", outlets=table_assets(contract.name, settings.lake), on_failure_callback=tell)

        ingest >> [molmo_shards, document_shards]
        read >> chunk >> [layout, molmo] >> merge >> tables >> validate >> publish
        [ingest, read, chunk, layout, molmo, merge, tables, validate] >> ledger >> publish
