"""What a person can say when starting a run by hand."""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow.sdk import Param

from octavo.model.contracts import Strategy
from octavo.model.errors import Reason

if TYPE_CHECKING:
    from octavo.model.contracts import Contract


def run_params(contract: Contract) -> dict[str, Param]:
    """The parameters of a contract's DAG, typed, so that the UI makes a form of them."""
    return {
        "day": Param(None, type=["null", "string"], format="date", description="The day to take; empty: the last one that has ended."),
        "documents": Param(None, type=["null", "string"], description="A glob on file names; empty: all documents of the day."),
        "extractor": Param(contract.extractor, enum=["auto", "layout", "molmo"], description="Who reads the chunks."),
        "chunking": Param(None, type=["null", "string"], enum=[None, *Strategy], description="How pages are cut; empty: by the contract."),
        "connection": Param(contract.connection, type=["null", "string"], description="A connection to the model; empty: by the settings."),
        "requeue": Param(
            None, type=["null", "string"], enum=[None, "any", *Reason], description="Try again what failed on this day for this reason.",
        ),
        "fresh": Param(False, type="boolean", description="Ask the model anew, also what it has answered before."),
    }
