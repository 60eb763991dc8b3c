"""What OpenLineage is told where its provider is installed: a day's run reads the landing folder and writes the lake's tables.

Nothing of OpenLineage is imported before the provider asks.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from airflow.providers.openlineage.extractors import OperatorLineage

    from octavo.model.contracts import Contract
    from octavo.model.settings import Settings


def of(settings: Settings, contract: str, files: int | None = None) -> OperatorLineage[Any, Any]:
    """The landing folder of a contract as what was read.

    Args:
        files: how many files of it, where that is known.
    """
    from airflow.providers.openlineage.extractors import OperatorLineage
    from openlineage.client.event_v2 import InputDataset
    from openlineage.client.facet_v2 import input_statistics_input_dataset

    namespace, name = dataset(f"{settings.landing.rstrip('/')}/{contract}")
    folder = InputDataset(namespace, name)
    if files is not None:
        counted: Any = input_statistics_input_dataset.InputStatisticsInputDatasetFacet(fileCount=files)
        folder.inputFacets = {"inputStatistics": counted}
    return OperatorLineage(inputs=[folder])


def published(settings: Settings, contract: Contract, counts: Mapping[str, int]) -> OperatorLineage[Any, Any]:
    """The published tables, with their columns and rows, as what was made of the landing folder. They are named as their assets are.

    Args:
        counts: of the stage ``publish``: ``rows_{table}`` for each.
    """
    from openlineage.client.event_v2 import OutputDataset
    from openlineage.client.facet_v2 import output_statistics_output_dataset, schema_dataset

    from octavo.storage.lake import table_schemas

    found = of(settings, contract.name)
    for table, schema in table_schemas(contract).items():
        namespace, name = dataset(f"{settings.lake.rstrip('/')}/{table}/contract={contract.name}")
        columns = [schema_dataset.SchemaDatasetFacetFields(name=column.name, type=str(column.type)) for column in schema]
        rows = output_statistics_output_dataset.OutputStatisticsOutputDatasetFacet(rowCount=counts.get(f"rows_{table}"))
        found.outputs.append(OutputDataset(
            namespace, name, facets={"schema": schema_dataset.SchemaDatasetFacet(fields=columns)}, outputFacets={"outputStatistics": rows},
        ))
    return found


def dataset(place: str) -> tuple[str, str]:
    """Namespace and name of a path or URL by OpenLineage's rules: ``file`` and the absolute path, or ``s3://bucket`` and the key."""
    url = urlsplit(place)
    if url.scheme in ("", "file"):
        return "file", str(Path(url.path if url.scheme else place).resolve())
    return f"{url.scheme}://{url.netloc}", url.path.strip("/")
