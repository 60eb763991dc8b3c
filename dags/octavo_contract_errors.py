"""Shows broken contract files among Airflow's DAG import errors; the DAGs of all other contracts live on."""

from octavo import contracts
from octavo.config import Settings
from octavo.errors import ContractError

errors = contracts.load_valid(Settings().contracts)[1]
if errors:
    raise ContractError("\n".join(map(str, errors)))
