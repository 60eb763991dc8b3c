"""What all of Octavo's operators share: the workspace, the pinned contract, and what an error means."""

from __future__ import annotations

import datetime as dt
import inspect
import re
from abc import abstractmethod
from collections.abc import Collection, Mapping, Sequence
from pathlib import PurePath
from typing import TYPE_CHECKING, Any

from airflow.sdk import BaseOperator

from octavo.model.errors import OctavoError
from octavo.model.settings import Settings, extractors
from octavo_airflow import passwords
from octavo_airflow.day import resolve_day
from octavo_airflow.links import OctavoLink
from octavo_airflow.settings import AirflowSettings

if TYPE_CHECKING:
    from airflow.sdk import BaseOperatorLink, Context

    from octavo.model.contracts import Contract
    from octavo.model.entities import Partition, Report
    from octavo.storage.lake import Lake
    from octavo.storage.workspace import Workspace

# For a DAG's default_args: a mapped operator takes nothing that its class sets when constructed.
DEFAULTS: dict[str, Any] = {
    "retries": 2,
    "retry_delay": dt.timedelta(seconds=10),
    # The last net: every document is bounded by itself (OCTAVO_LIMIT_*), so a task that is still at work then hangs.
    "execution_timeout": dt.timedelta(hours=12),
    # Mapped tasks are listed by shard and what came of it; Airflow renders this for the others too.
    "map_index_template": "{{ label | default(task.shard | default('')) }}",
}


def described(operator: type) -> str:
    """What an operator's docstring says, without its parameters: it stands on the page of each of its tasks."""
    return re.split(r"\n\s*:param", inspect.cleandoc(operator.__doc__ or ""))[0].strip()


class OctavoOperator(BaseOperator):
    """Run one stage over the workspace of the run and return its counts.

    Subclasses implement ``stage``. An error that a retry cannot mend fails the task at once. ``report`` is what the stage came to,
    for whoever looks at the task when it has ended.

    :param contract: name of a contract in the contracts folder (setting ``contracts``), or path of a contract's YAML file (templated).
    :param day: the day whose documents are taken, as ``2026-11-02``; empty is the run's own: its partition key, the start of its data
        interval, its logical date, or the moment it was asked for (templated).
    :param extractor: ``auto``, ``layout`` or ``molmo`` (templated). Default ``auto``: by layout, and by a model where one is configured.
    :param connection: id of the connection that names the model; empty is by the settings (templated).
    """

    template_fields: Sequence[str] = ("contract", "day", "extractor", "connection")
    operator_extra_links: Collection[BaseOperatorLink] = (OctavoLink(),)
    ui_color = "#e8eef7"

    def __init__(
        self, *, contract: str, day: str = "", extractor: str = "auto", connection: str = "", **kwargs: Any,
    ) -> None:
        kwargs.setdefault("doc_md", described(type(self)))
        super().__init__(**kwargs)
        self.contract = contract
        self.day = day
        self.extractor = extractor
        self.connection = connection
        self.report: Report | None = None

    @classmethod
    def partial(cls, **kwargs: Any) -> Any:  # Airflow lets subclasses override it
        """As Airflow's; a mapped task has its documentation too."""
        kwargs.setdefault("doc_md", described(cls))
        return super().partial(**kwargs)

    @abstractmethod
    def stage(self, context: Context) -> Report | tuple[Report, Any]:
        """Do the work: resolve, call one function of the core. A second value is what goes through XCom in place of ``result``."""

    def execute(self, context: Context) -> Any:
        from airflow.sdk.exceptions import AirflowFailException

        try:
            passwords.from_connection()
            self.tell("settings", self.about(context))
            done = self.stage(context)
        except OctavoError as error:
            self.log.error("%s", error)
            if error.retryable:
                raise
            raise AirflowFailException(str(error)) from error
        report, *values = done if isinstance(done, tuple) else (done,)
        self.account(report)
        self.report = report
        return values[0] if values else self.result(context, report)

    def account(self, report: Report) -> None:
        """Tell what the stage did, in the log and in Airflow's metrics."""
        summary = ", ".join(f"{count} {name.replace('_', ' ')}" for name, count in report.counts.items())
        self.log.info("%s in %.2f s: %s", report.stage, report.seconds, summary or "nothing to do")
        self.tell("counts", report.counts)
        self.measure(report)

    def about(self, context: Context) -> dict[str, Any]:
        """What the task works on and where, for the top of its log."""
        return {
            "contract": self.contract_name, "day": self.partition(context).day, "workspace": self.workspace(context).root,
            "lake": self.settings.lake, "extractors": ", ".join(self.extractors),
        }

    def tell(self, title: str, values: Mapping[str, Any]) -> None:
        """Log values one a line, folded under a title: Airflow's log page opens the group on a click."""
        self.log.info("::group::%s", title)
        for name, value in values.items():
            self.log.info("%s: %s", name.replace("_", " "), value)
        self.log.info("::endgroup::")

    def measure(self, report: Report) -> None:
        """Hand counts and time to Airflow's own metrics, as ``octavo.{contract}.{stage}.{count}`` and ``….seconds``.

        A model's cost is a counter too; how many pages a second were read is a gauge.
        """
        from airflow.sdk.observability import stats as module

        stats: Any = module if hasattr(module, "incr") else module.Stats  # Airflow 3.2 has a class where 3.3 has functions
        prefix, tags = f"octavo.{self.contract_name}.{report.stage}", {"contract": self.contract_name, "stage": report.stage}
        for name, count in report.counts.items():
            stats.incr(f"{prefix}.{name}", count, tags=tags)
        if report.cost:
            stats.incr(f"{prefix}.cost", report.cost, tags=tags)  # StatsD and OpenTelemetry take fractions
        if report.seconds and (reads := report.counts.get("reads")):
            stats.gauge(f"{prefix}.pages_per_second", reads / report.seconds, tags=tags)
        stats.timing(f"{prefix}.seconds", report.seconds * 1000, tags=tags)  # milliseconds, as StatsD has them

    def result(self, context: Context, report: Report) -> Any:
        """What goes through XCom: counts, or short ids of shards; never content."""
        return report.counts

    @property
    def settings(self) -> Settings:
        """The settings of this process's environment and of Airflow's configuration."""
        return AirflowSettings()

    @property
    def contract_name(self) -> str:
        """The contract's name; its file is called so."""
        return PurePath(self.contract).stem if self.contract.endswith((".yaml", ".yml")) else self.contract

    @property
    def extractors(self) -> tuple[str, ...]:
        """The extractors of this run, in the order in which tables list them."""
        return extractors(self.extractor, bool(self.settings.molmo_model or self.molmo_connection))

    @property
    def molmo_connection(self) -> str | None:
        """The connection that names the model of this run, if one does."""
        return self.connection or self.settings.molmo_conn_id

    def partition(self, context: Context) -> Partition:
        from octavo.model.entities import Partition

        return Partition(self.contract_name, resolve_day(context, self.day))

    def workspace(self, context: Context) -> Workspace:
        from octavo.storage.workspace import Workspace

        return Workspace.open(self.settings.workspaces, self.partition(context), context["run_id"])

    def pinned(self, context: Context) -> Contract:
        """The contract as ``ingest`` found it: one run never mixes two versions."""
        return self.workspace(context).contract()

    @property
    def lake(self) -> Lake:
        from upath import UPath

        from octavo.storage.lake import Lake

        return Lake(UPath(self.settings.lake))


class ShardOperator(OctavoOperator):
    """A stage that is mapped over shards.

    :param shard: the shard to read and to write beside, for example ``p0000`` (templated).
    """

    template_fields: Sequence[str] = (*OctavoOperator.template_fields, "shard")

    def __init__(self, *, shard: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.shard = shard

    def result(self, context: Context, report: Report) -> Any:
        main = next(iter(report.counts.items()), None)
        shard = f"{self.partition(context).day} {self.shard}"
        context["label"] = f"{shard}: {main[1]} {main[0]}" if main else shard  # type: ignore[typeddict-unknown-key]
        return report.counts

    def about(self, context: Context) -> dict[str, Any]:
        return {"shard": self.shard, **super().about(context)}
