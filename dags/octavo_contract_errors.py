"""Shows broken contract files among Airflow's DAG import errors; the DAGs of all other contracts live on."""

from octavo.model import contracts
from octavo.model.errors import ContractError
from octavo.model.settings import Settings

errors = contracts.load_valid(Settings().contracts)[1]
if errors:
    raise ContractError("\n".join(map(str, errors)))
