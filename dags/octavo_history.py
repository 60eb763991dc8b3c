"""Two DAGs over what is published for each contract, both started by hand. Who may see or run them is as for the contract's own DAG.

`octavo_{contract}.remerge` rebuilds days by the contract as it is now, from the words and answers that are kept: it reads no page
and asks no model. To ask a model for new fields, run a backfill of the contract's own DAG: no page is read again.

`octavo_{contract}.review` asks people about values that Octavo is not sure of, one form for each document under *Required Actions*,
and then rebuilds the days of the documents that somebody saved. What people say wins every later run.
"""

from airflow.sdk import DAG, Param, get_parsing_context

from octavo.model import contracts
from octavo.model.settings import Settings
from octavo_airflow import pools
from octavo_airflow.operators import DEFAULTS, history

DAY = {"type": ["null", "string"], "format": "date"}
wanted = get_parsing_context().dag_id  # a task's process wants its own DAG alone
name = wanted and wanted.removeprefix("octavo_").partition(".")[0]
for contract in contracts.load_valid(Settings().contracts, name)[0]:
    common = {
        "schedule": None, "catchup": False, "max_active_runs": 1, "tags": ["octavo", contract.name], "doc_md": __doc__,
        "default_args": {"owner": "octavo", "contract": contract.name, **DEFAULTS},
    }
    with DAG(
        f"octavo_{contract.name}.remerge",
        dag_display_name=f"Octavo: {contract.title}, rebuild history",
        description="Rebuild published days by the changed contract",
        params={
            "first": Param(None, description="The first day; empty: all.", **DAY),
            "last": Param(None, description="The last day; empty: all.", **DAY),
        },
        **common,
    ):
        days = history.RemergeDaysOperator(task_id="days")
        history.RemergeOperator.partial(task_id="remerge", pool=pools.OCR).expand(group=days.output)

    with DAG(
        f"octavo_{contract.name}.review",
        dag_display_name=f"Octavo: {contract.title}, review",
        description="Ask people about values that are not sure",
        params={
            "day": Param(None, description="Only documents of this day; empty: all.", **DAY),
            "documents": Param(10, type="integer", minimum=1, maximum=100, description="Most documents to ask about."),
        },
        **common,
    ):
        cases = history.ReviewCasesOperator(task_id="cases")
        ask = history.ReviewOperator.partial(task_id="ask", map_index_template="{{ task.case['uri'].rsplit('/', 1)[-1] }}").expand(
            case=cases.output
        )
        history.RemergeReviewedOperator(task_id="remerge", reviewed=ask.output, pool=pools.OCR)
