"""Two DAGs over what is published, both started by hand.

`octavo_remerge` rebuilds days by a contract as it is now, from the words and answers that are kept: it reads no page
and asks no model. To ask a model for new fields, run a backfill of the contract's own DAG: no page is read again.

`octavo_review` asks people about values that Octavo is not sure of, one form for each document under *Required Actions*,
and then rebuilds the days of the documents that somebody saved. What people say wins every later run.
"""

from airflow.sdk import DAG, Param

from octavo.model import contracts
from octavo.model.settings import Settings
from octavo_airflow import pools
from octavo_airflow.operators import DEFAULTS, history

DAY = {"type": ["null", "string"], "format": "date"}
names = [contract.name for contract in contracts.load_valid(Settings().contracts)[0]] or ["none"]
contract = Param(names[0], enum=names, description="Whose documents.")
common = {
    "schedule": None, "catchup": False, "max_active_runs": 1, "tags": ["octavo"], "doc_md": __doc__,
    "default_args": {"owner": "octavo", **DEFAULTS},
}

with DAG(
    "octavo_remerge",
    dag_display_name="Octavo: rebuild history",
    description="Rebuild published days by a changed contract",
    params={
        "contract": contract,
        "first": Param(None, description="The first day; empty: all.", **DAY),
        "last": Param(None, description="The last day; empty: all.", **DAY),
    },
    **common,
):
    days = history.RemergeDaysOperator(task_id="days")
    history.RemergeOperator.partial(task_id="remerge", pool=pools.OCR).expand(group=days.output)

with DAG(
    "octavo_review",
    dag_display_name="Octavo: review",
    description="Ask people about values that are not sure",
    params={
        "contract": contract,
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
