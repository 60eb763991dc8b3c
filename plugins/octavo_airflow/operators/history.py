"""Operators over what is published: rebuilding days, and asking people about values."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING, Any

from airflow.providers.standard.operators.hitl import HITLOperator
from airflow.sdk import Param
from airflow.sdk.definitions.param import ParamsDict

from octavo.model.errors import OctavoError
from octavo.model.printing import fit_to_print
from octavo_airflow.operators.base import OctavoOperator, described
from octavo_airflow.settings import AirflowSettings as Settings

if TYPE_CHECKING:
    from airflow.sdk import BaseOperatorLink, Context

    from octavo.model.contracts import Contract
    from octavo.model.entities import Report
    from octavo.storage.corrections import CorrectionStore
    from octavo.storage.lake import Lake
    from octavo.workflows.review import Reviewed

SAVE, SKIP = "Save", "Skip"
# The UI lists a few dozen mapped tasks well; more days make longer tasks.
MOST_TASKS = 32
# Fields of one form; what is left is asked for the next time.
MOST_FIELDS = 40
RESPONSE_TIMEOUT = dt.timedelta(days=7)


class HistoryOperator(OctavoOperator):
    """Work on published days.

    :param contract: name of a contract in the contracts folder, or path of a contract's YAML file (templated).
    """

    template_fields: Sequence[str] = ("contract",)
    operator_extra_links: Collection[BaseOperatorLink] = ()  # it is about many days

    def __init__(self, *, contract: str, **kwargs: Any) -> None:
        super().__init__(contract=contract, extractor="layout", **kwargs)

    def about(self, context: Context) -> dict[str, Any]:
        return {"contract": self.contract_name, "lake": self.settings.lake}

    def current(self) -> Contract:
        """The contract as it is now."""
        from octavo.model import contracts

        return contracts.find(self.contract, self.settings.contracts)

    def rebuild(self, contract: Contract, days: Sequence[str]) -> Report:
        """Rebuild days, all of them whatever becomes of each; raises the first error."""
        from octavo.model.entities import Report
        from octavo.workflows import remerge

        reports, errors = [], []
        for day in days:
            result = remerge.remerge_day(contract, dt.date.fromisoformat(day), self.settings)
            reports += result.reports
            if result.error is not None:
                self.log.error("%s stays as it is: %s", result.partition.path, result.error)
                errors.append(result.error)
        if errors:
            raise errors[0]
        counts = {"days": len(days), **Report.total([report for report in reports if report.stage in ("read", "merge")])}
        return Report("remerge", counts, sum(report.seconds for report in reports))


class RemergeDaysOperator(HistoryOperator):
    """List the published days, in groups that one task each rebuilds.

    :param first: the first day, empty for all (templated).
    :param last: the last day, empty for all (templated).
    """

    template_fields: Sequence[str] = ("contract", "first", "last")

    def __init__(self, *, first: str = "", last: str = "", **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.first = first
        self.last = last

    def stage(self, context: Context) -> tuple[Report, list[dict[str, Any]]]:
        from octavo.model.entities import Report
        from octavo.workflows.remerge import published_days

        ends = [dt.date.fromisoformat(day) if day else None for day in (self.first, self.last)]
        days = [day.isoformat() for day in published_days(self.lake, self.contract_name, *ends)]
        contract_hash = self.current().hash
        size = -(-len(days) // MOST_TASKS)
        groups = [{"days": days[at : at + size], "contract_hash": contract_hash} for at in range(0, len(days), max(1, size))]
        return Report("days", {"days": len(days)}, 0.0), groups


class RemergeOperator(HistoryOperator):
    """Rebuild a group of days by the contract as it was when the run began. Reads nothing and asks no model.

    :param group: ``days`` and ``contract_hash``, as ``RemergeDaysOperator`` lists them.
    """

    def __init__(self, *, group: dict[str, Any], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.group = group

    def stage(self, context: Context) -> Report:
        from octavo.model.errors import ContractError

        contract, days = self.current(), self.group["days"]
        if contract.hash != self.group["contract_hash"]:
            raise ContractError(f"contract {self.contract_name} was changed while its days were rebuilt; start another run")
        context["label"] = f"{days[0]}, {len(days)} days" if len(days) > 1 else days[0]  # type: ignore[typeddict-unknown-key]
        return self.rebuild(contract, days)


class ReviewCasesOperator(HistoryOperator):
    """List documents that want a look; skipped where none does.

    :param day: only of this day, empty for all (templated).
    :param most: most documents to ask about (templated). Default 10: a form each, and somebody has to fill them in.
    """

    template_fields: Sequence[str] = ("contract", "day", "most")

    def __init__(self, *, most: int | str = 10, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.most = most

    def stage(self, context: Context) -> tuple[Report, list[dict[str, str]]]:
        from airflow.sdk.exceptions import AirflowSkipException

        from octavo.model.entities import Report
        from octavo.storage.corrections import CorrectionStore
        from octavo.workflows import review

        store = CorrectionStore(self.settings.correction_store)
        day = dt.date.fromisoformat(self.day) if self.day else None
        cases = review.cases(self.lake, store, self.contract_name, day, int(self.most))
        if not cases:
            raise AirflowSkipException(f"nothing of contract {self.contract_name} wants a look")
        return Report("cases", {"documents": len(cases)}, 0.0), [
            {"contract": self.contract, "day": case.partition.day.isoformat(), "document": case.document, "uri": case.uri} for case in cases
        ]


class ReviewOperator(HITLOperator):
    """Ask a person about one document's values, and keep what they say. Returns the day and how many values were kept.

    Values go to the person through Airflow's own database, as everything does that its forms show.

    :param case: ``contract``, ``day``, ``document`` and ``uri``, as ``ReviewCasesOperator`` lists them.
    """

    ui_color = "#fdf3d8"

    def __init__(self, *, case: dict[str, str], **kwargs: Any) -> None:
        kwargs.setdefault("response_timeout", RESPONSE_TIMEOUT)
        kwargs.setdefault("doc_md", described(type(self)))
        super().__init__(subject="What is right?", options=[SAVE, SKIP], defaults=[SKIP], **kwargs)
        self.case = case

    @property
    def hitl_summary(self) -> dict[str, Any]:
        """What listeners are told, OpenLineage among them: neither what the form holds nor who answered."""
        return {"options": self.options, "defaults": self.defaults, "fields": len(self.params)}

    def execute(self, context: Context) -> Any:
        from octavo.model.entities import name_of
        from octavo.workflows import review

        lake, store, about = self._about()
        rows = review.form(lake, store, about)[:MOST_FIELDS]
        uri = fit_to_print(about.uri)
        self.subject = f"{about.partition.contract} {about.partition.day}: {uri.rsplit('/', 1)[-1]}"
        code = uri.replace("`", "'")  # it would end the code that Markdown shows as it is
        self.body = f"`{code}`\n\nChange what is wrong and *{SAVE}*: fields that stay as they are are confirmed."
        self.params = ParamsDict({
            (name := name_of(row["record"], row["field"])): Param(
                row["value"] or "", type="string", title=name, minLength=0, section=_pages(row),
                description=fit_to_print(f"{row['verdict'] or 'missing'}: {row['reason']}"),
            ) for row in rows
        })
        return super().execute(context)

    def execute_complete(self, context: Context, event: dict[str, Any]) -> Any:
        from airflow.sdk.exceptions import AirflowFailException

        from octavo.model import contracts
        from octavo.workflows import review

        answer = super().execute_complete(context, event)
        kept = 0
        if SAVE in answer["chosen_options"]:
            lake, store, about = self._about()
            user = answer["responded_by_user"] or {}
            try:
                contract = contracts.find(about.partition.contract, Settings().contracts)
                desk = review.Desk(lake, store, contract, about, str(user.get("name") or "unknown"))
                said = desk.answers(answer["params_input"])
                desk.keep(said)
            except OctavoError as error:
                raise AirflowFailException(f"nothing was kept: {error}; clear this task to be asked again") from error
            kept = len(said)
        self.log.info("%d values of %s were kept", kept, fit_to_print(self.case["uri"]))
        return {"day": self.case["day"], "kept": kept}

    def _about(self) -> tuple[Lake, CorrectionStore, Reviewed]:
        from upath import UPath

        from octavo.model.entities import Partition
        from octavo.storage.corrections import CorrectionStore
        from octavo.storage.lake import Lake
        from octavo.workflows.review import Reviewed

        settings, case = Settings(), self.case
        partition = Partition(case["contract"], dt.date.fromisoformat(case["day"]))
        return Lake(UPath(settings.lake)), CorrectionStore(settings.correction_store), Reviewed(partition, case["document"], case["uri"])


class RemergeReviewedOperator(HistoryOperator):
    """Rebuild the days of documents about which somebody said something.

    :param reviewed: what the review tasks returned (templated).
    """

    template_fields: Sequence[str] = ("contract", "reviewed")

    def __init__(self, *, reviewed: Any, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.reviewed = reviewed

    def stage(self, context: Context) -> Report:
        return self.rebuild(self.current(), sorted({one["day"] for one in self.reviewed if one["kept"]}))


def _pages(row: dict[str, Any]) -> str:
    """Where to look: fields of one page stand together in the form."""
    return f"page {row['page']}" if row["page"] else "nowhere found"
