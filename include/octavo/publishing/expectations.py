"""Great Expectations: validating frames, and writing what came out as its Data Docs.

The context lives in memory, reports no usage and shows no progress bars. Data Docs are rendered from
results that are added up over all batches; they name fields and counts, and values and document
ids only where the contract says ``show_values``.
"""

from __future__ import annotations

import datetime as dt
import re
import shutil
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import great_expectations as gx
import great_expectations.expectations as gxe
import pandas as pd
from great_expectations.core import ExpectationValidationResult, RunIdentifier
from great_expectations.core.expectation_validation_result import ExpectationSuiteValidationResult
from great_expectations.data_context.types.base import DataContextConfig, InMemoryStoreBackendDefaults, ProgressBarsConfig
from great_expectations.data_context.types.resource_identifiers import ExpectationSuiteIdentifier, ValidationResultIdentifier
from upath import UPath

from octavo.model.contracts import Contract
from octavo.model.deadline import PATTERN_SECONDS, fits
from octavo.publishing.checks import ROW_IDS, BatchFinding, Check, CheckOutcome, Rule
from octavo.storage import fs
from octavo.storage.workspace import Workspace

SITE = "site"
# Of one pattern on one frame. Past them a value has a hundredth of a second, which is a thousand times what one takes that fits.
SLOW_SECONDS, QUICK_SECONDS = 60.0, 0.01
# Scripts, and what Data Docs would fetch from a content delivery network; without them they are plain HTML.
UNWANTED = re.compile(
    r"""<script\b.*?</script>|<link\b[^>]*href=["'](?:https?:)?//[^>]*>"""
    r"""|<img\b[^>]*>|background:\s*url\(['"]?https?://[^)]*\)[^;]*;""",
    re.IGNORECASE | re.DOTALL,
)
# In place of the fetched style sheet and icon font.
STYLE = """<style>
body { font-family: sans-serif; margin: 1em }
table { border-collapse: collapse }
td, th { border: 1px solid #ccc; padding: .3em .6em }
.fa-check-circle::before { content: "\\2713 holds"; color: #176f2c }
.fa-times::before { content: "\\2717 fails"; color: #b00020; font-weight: bold }
.fa-exclamation-triangle::before { content: "! not checked"; color: #b00020; font-weight: bold }
footer, .card:has(.btn-group-toggle) { display: none }
</style>"""


class Judge:
    """Validates frames; one in-memory context for all of them."""

    def __init__(self) -> None:
        self._context = _context()
        asset = self._context.data_sources.add_pandas("staged").add_dataframe_asset("rows")
        self._batches = asset.add_batch_definition_whole_dataframe("batch")

    def validate(self, frame: pd.DataFrame, group: Sequence[Check], every: bool = False) -> list[BatchFinding]:
        """What each check of ``group`` finds in ``frame``, which has ``document``, and of records ``record``, beside the checks' columns.

        Args:
            every: name the records of all failing rows, not the documents of the first alone.
        """
        numbered = [
            _misfits(check, frame, {"check": i}) if check.rule is Rule.MATCHES else _expectation(check, check.column, {"check": i})
            for i, check in enumerate(group)
        ]
        suite = gx.ExpectationSuite("batch", expectations=numbered)
        checked = {check.column for check in group}
        report = self._batches.get_batch({"dataframe": frame}).validate(suite, result_format={
            "result_format": "COMPLETE" if every else "SUMMARY",
            "unexpected_index_column_names": [name for name in ("document", "record") if name in frame and name not in checked],
            "partial_unexpected_count": ROW_IDS,
        })
        by_check = {result.expectation_config.meta["check"]: result for result in report.results}
        return [_found(by_check[i]) for i in range(len(group))]


def _found(result: Any) -> BatchFinding:
    info = result.exception_info or {}
    if "raised_exception" not in info:  # one entry per metric that failed
        info = next((entry for entry in info.values() if isinstance(entry, dict)), {})
    if info.get("raised_exception"):
        # The message may hold values; its first word is the kind of the error.
        said = str(info.get("exception_message", "")).partition(":")[0][:80]
        return BatchFinding(0, 0, [], [], said or "Great Expectations gave no reason")
    counts = result.result
    return BatchFinding(
        counts["element_count"] - counts.get("missing_count", 0),
        counts["unexpected_count"],
        [str(row["document"]) for row in counts["partial_unexpected_index_list"]],
        [str(value) for value in counts["partial_unexpected_list"]],
        every=frozenset((str(row["document"]), row.get("record")) for row in counts.get("unexpected_index_list") or ()),
    )


def _misfits(check: Check, frame: pd.DataFrame, meta: dict[str, object]) -> Any:
    """The expectation of a pattern on a frame: no value is one of those that do not fit. Great Expectations would match without a bound."""
    pattern, slow = str(check.arguments["pattern"]), 0.0
    misfits = []
    for value in frame[check.column].dropna().unique():
        started = time.monotonic()
        if not fits(pattern, str(value), seconds=PATTERN_SECONDS if slow < SLOW_SECONDS else QUICK_SECONDS):
            misfits.append(value)
        slow += time.monotonic() - started
    return gxe.ExpectColumnValuesToNotBeInSet(column=check.column, value_set=misfits, mostly=round(check.share, 9), meta=meta)


def _expectation(check: Check, column: str, meta: dict[str, object], **texts: str) -> Any:
    """The expectation of a check, on ``column``, which Data Docs name differently from the frame."""
    arguments: Any = check.arguments
    common: dict[str, Any] = {"mostly": round(check.share, 9), "meta": meta, **texts}
    match check.rule:
        case Rule.PRESENT:
            return gxe.ExpectColumnValuesToNotBeNull(column=column, **common)
        case Rule.MATCHES:
            return gxe.ExpectColumnValuesToMatchRegex(column=column, regex=rf"\A(?:{arguments['pattern']})\Z", **common)
        case Rule.BETWEEN:
            return gxe.ExpectColumnValuesToBeBetween(column=column, min_value=arguments["min"], max_value=arguments["max"], **common)
        case Rule.ONE_OF:
            return gxe.ExpectColumnValuesToBeInSet(column=column, value_set=arguments["values"], **common)
        case Rule.NONE_OF:
            return gxe.ExpectColumnValuesToNotBeInSet(column=column, value_set=arguments["values"], **common)
        case Rule.UNIQUE:
            return gxe.ExpectColumnValuesToBeUnique(column=column, **common)
        case Rule.SAME:
            return gxe.ExpectColumnPairValuesToBeEqual(column_A=column, column_B=arguments["other"], ignore_row_if="neither", **common)


def _context(site: Path | None = None) -> Any:
    sites = {}
    if site is not None:
        sites[SITE] = {
            "class_name": "SiteBuilder",
            "show_how_to_buttons": False,
            "store_backend": {"class_name": "TupleFilesystemStoreBackend", "base_directory": str(site)},
            "site_index_builder": {"class_name": "DefaultSiteIndexBuilder"},
        }
    return gx.get_context(mode="ephemeral", project_config=DataContextConfig(
        store_backend_defaults=InMemoryStoreBackendDefaults(),
        data_docs_sites=sites,
        analytics_enabled=False,
        progress_bars=ProgressBarsConfig(globally=False),
    ))


def write_data_docs(outcomes: Sequence[tuple[Check, CheckOutcome]], workspace: Workspace, contract: Contract, reports: UPath) -> None:
    """Replace the pages under ``reports`` by this run's: ``index.html`` is the result, and leads to its suite."""
    with tempfile.TemporaryDirectory(prefix="octavo-docs-") as folder:
        site = Path(folder)
        context = _context(site)
        expectations = [_documented(check, outcome) for check, outcome in outcomes]
        suite = context.suites.add(gx.ExpectationSuite(contract.name, expectations=expectations))
        run_id = RunIdentifier(run_name=workspace.run, run_time=dt.datetime.now(dt.UTC))
        passed = sum(outcome.success for _, outcome in outcomes)
        result = ExpectationSuiteValidationResult(
            success=passed == len(outcomes),
            results=[_result(expectation, outcome) for expectation, (_, outcome) in zip(expectations, outcomes, strict=True)],
            suite_name=contract.name,
            statistics={
                "evaluated_expectations": len(outcomes),
                "successful_expectations": passed,
                "unsuccessful_expectations": len(outcomes) - passed,
                "success_percent": 100 * passed / len(outcomes),
            },
            meta={
                "great_expectations_version": gx.__version__,
                "run_id": run_id,
                "batch_spec": {"data_asset_name": workspace.partition.path},
            },
        )
        suite_id = ExpectationSuiteIdentifier(suite.name)
        context.validation_results_store.store_validation_results(
            suite_validation_result=result,
            suite_validation_result_identifier=ValidationResultIdentifier(suite_id, run_id, workspace.day.isoformat()),
            expectation_suite_identifier=suite_id,
        )
        context.build_data_docs()
        _lead_with_result(site)
        _offline(site)
        _replace(site, reports)


def _documented(check: Check, outcome: CheckOutcome) -> Any:
    return _expectation(check, f"{outcome.table}: {outcome.column}", {}, description=check.name)


def _result(expectation: Any, outcome: CheckOutcome) -> ExpectationValidationResult:
    """One expectation's result over all batches, in the form that a single batch gives."""
    percent = 100 * outcome.failing / outcome.checked if outcome.checked else 0.0
    return ExpectationValidationResult(
        success=outcome.success,
        expectation_config=expectation.configuration,
        result={
            "element_count": outcome.checked,
            "unexpected_count": outcome.failing,
            "unexpected_percent": percent,
            "unexpected_percent_total": percent,
            "unexpected_percent_nonmissing": percent,
            "missing_count": 0,
            "missing_percent": 0.0,
            "partial_unexpected_list": outcome.values,
        },
        exception_info={"raised_exception": outcome.error is not None, "exception_message": outcome.error, "exception_traceback": ""},
    )


def _lead_with_result(site: Path) -> None:
    """Put the one result in place of the index, which lists results by script."""
    (result,) = (site / "validations").rglob("*.html")
    to_root = "../" * (len(result.relative_to(site).parts) - 1)
    (site / "index.html").write_text(result.read_text(encoding="utf-8").replace(to_root, ""), encoding="utf-8")
    shutil.rmtree(site / "validations")


def _offline(site: Path) -> None:
    """Cut scripts, what a browser would fetch from elsewhere, and 4 MB of pictures and fonts: looking at a report asks nobody."""
    for folder in ("images", "fonts"):
        shutil.rmtree(site / "static" / folder)
    for page in site.rglob("*.html"):
        text = UNWANTED.sub("", page.read_text(encoding="utf-8"))
        page.write_text(text.replace("</head>", f"{STYLE}</head>", 1), encoding="utf-8")


def _replace(site: Path, reports: UPath) -> None:
    """Put the files in place one by one, under the names that every run gives them: another run of the day may do so at the same time."""
    for path in sorted(site.rglob("*")):
        if path.is_file():
            fs.write_bytes(reports / path.relative_to(site).as_posix(), path.read_bytes())
