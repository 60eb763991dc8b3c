"""A DAG of somebody else's, of bare operators: no parameters of Octavo's DAGs, and no group."""

from airflow.sdk import DAG

from octavo_airflow import operators as octavo

with DAG("own_operators", schedule=None, default_args={"contract": "receipt", "day": "2026-11-03"}) as dag:
    ingest = octavo.IngestOperator(task_id="ingest", documents="*.pdf")
    read = octavo.ReadPagesOperator.partial(task_id="read").expand(shard=ingest.output)
    chunk = octavo.ChunkPagesOperator.partial(task_id="chunk").expand(shard=ingest.output)
    extract = octavo.ExtractLayoutOperator.partial(task_id="extract").expand(shard=ingest.output)
    shards = octavo.DocumentShardsOperator(task_id="shards")
    merge = octavo.MergeOperator.partial(task_id="merge").expand(shard=shards.output)
    tables = octavo.StageTablesOperator(task_id="tables", documents="*.pdf")
    ingest >> shards
    read >> chunk >> extract >> merge >> tables
    validate, ledger = octavo.ValidateOperator(task_id="validate"), octavo.LedgerOperator(task_id="ledger")
    tables >> validate >> ledger >> octavo.PublishOperator(task_id="publish")
