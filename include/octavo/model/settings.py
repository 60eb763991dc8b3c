"""Settings: where things live and how much a stage may use. One environment variable each.

Every field can be set as ``OCTAVO_<FIELD>``, for example ``OCTAVO_LAKE=s3://bucket/lake``. Places are
local paths or fsspec URLs. What describes a document type belongs into its contract instead.

One secret is no field, so that it never gets into a printed or pickled object: ``PDF_PASSWORDS``, tried on locked PDFs
(``octavo.page.pdf.passwords``).
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Annotated, Any, Literal

from fsspec import available_protocols
from pydantic import AfterValidator, Field, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict
from pydantic_settings.exceptions import SettingsError as SourceError
from upath import UPath

from octavo.model.errors import SettingsError

PDF_PASSWORDS = "OCTAVO_PDF_PASSWORDS"  # environment variable
CONTRACTS_FOLDER = Path(__file__).resolve().parents[1] / "contracts"
_PROTOCOL = re.compile(r"([a-z][a-z0-9+.-]*)://", re.IGNORECASE)
WEB = frozenset({"http", "https"})


def place(text: str) -> str:
    """``text`` itself, if it can name a folder: a local path, or a URL of a store that fsspec knows; nothing is asked whether it is there.

    Raises:
        SettingsError: it is a web address, or of a store that fsspec does not know.
    """
    protocol = found[1].lower() if (found := _PROTOCOL.match(text)) else "file"
    if protocol in WEB:
        raise SettingsError(f"{text} is a web address, which has no folders; fetch the files first, or name a path or s3://bucket/folder")
    if protocol not in available_protocols():
        raise SettingsError(f"{text}: there is no store {protocol}://; name a path, s3://bucket/folder, gs://… or abfs://…")
    return text


Place = Annotated[str, AfterValidator(place)]


class _FromEnvironment(BaseSettings):
    """Settings whose faults are told by the names of their variables."""

    def __init__(self, **given: Any) -> None:
        """Read the environment; ``given`` goes before it.

        Raises:
            SettingsError: names each variable, what it holds and what it may hold.
        """
        try:
            super().__init__(**given)
        except ValidationError as error:
            raise SettingsError("; ".join(self._problem(found) for found in error.errors())) from error
        except SourceError as error:
            name = found[1] if (found := re.search(r'field "(\w+)"', str(error))) else ""
            raise SettingsError(f"{self._variable(name)} is no JSON; see docs/settings.md") from error

    def _problem(self, error: Any) -> str:
        shown = f"={error['input']}" if isinstance(error["input"], str | int | float) else ""
        return f"{self._variable(str(error['loc'][0]))}{shown}: {error['msg']}; see docs/settings.md"

    def _variable(self, field: str) -> str:
        return f"{self.model_config['env_prefix']}{field}".upper()


class Limits(_FromEnvironment):
    """Bounds on what one document may cost. Past them it is quarantined with a reason code."""

    model_config = SettingsConfigDict(env_prefix="OCTAVO_LIMIT_", frozen=True)

    document_bytes: int = Field(1 << 30, gt=0, description="largest file, bytes")
    archive_bytes: int = Field(4 << 30, gt=0, description="most bytes of all members of one archive, unpacked")
    archive_members: int = Field(10_000, gt=0, description="most members of one archive")
    archive_seconds: float = Field(600, gt=0, description="longest time to take one archive apart, seconds")
    day_unpacked_bytes: int = Field(64 << 30, gt=0, description="most bytes of all archives of one day, unpacked")
    page_words: int = Field(20_000, gt=0, description="most words of one page")
    document_seconds: float = Field(300, gt=0, description="longest time of a document in a stage; in reading, of its lost pages, seconds")
    pages: int = Field(20_000, gt=0, description="most pages of one document")
    page_pixels: int = Field(178_956_970, gt=0, description="most pixels of one page image (Pillow's own limit)")
    page_seconds: float = Field(60, gt=0, description="longest time to render and read one page, seconds")
    child_bytes: int = Field(2 << 30, gt=0, description="address-space limit of a rendering child, bytes")


class Settings(_FromEnvironment):
    """All settings of a process, read from the environment when constructed."""

    model_config = SettingsConfigDict(env_prefix="OCTAVO_", frozen=True)

    landing: Place = Field("var/landing", description="where documents arrive: {landing}/{contract}/{yyyy}/{mm}/{dd}/")
    landing_links: bool = Field(False, description="take days whose folder is a link that leads out of the landing folder")
    lake: Place = Field("var/lake", description="where tables are published")
    state: Place | None = Field(None, description="workspaces and stores; default {lake}/_octavo")
    share: Literal["nobody", "group", "everybody"] = Field(
        "nobody", description="who else may read what is written on a disk; as the environment says, for all of a process")
    contracts: str = Field(str(CONTRACTS_FOLDER), description="folder of contract YAML files; by default those of the package")
    lexicons: str | None = Field(None, description="folder of lexicon files that add to the shipped ones; a process reads them once")
    processes: int = Field(os.cpu_count() or 1, gt=0, description="processes that read pages side by side")
    shard_pages: int = Field(128, gt=0, description="most pages of one mapped task: half a minute of OCR or more")
    settle_seconds: float = Field(0, ge=0, description="a file younger than this is left for the next run")
    late_days: int = Field(31, ge=0, description="how many days back a run looks again for documents that came late; 0 does not look")
    arrival_poll_seconds: float = Field(30, gt=0, description="on_arrival: seconds between two looks at the landing folder")
    arrival_quiet_seconds: float = Field(60, ge=0, description="on_arrival: a burst has ended when nothing has moved for so long, seconds")
    vanished: Literal["keep", "run"] = Field("keep", description="days of which files went away: keep what is published, or run them again")
    backfill_pool: str | None = Field(None, description="Airflow: the pool of backfills' reading; None: octavo_ocr, after daily runs")
    molmo_model: str | None = Field(None, description="the model of extractor molmo; its other options are OCTAVO_MOLMO_* too")
    molmo_conn_id: str | None = Field(None, description="Airflow: the connection that names the model and how it is reached")
    molmo_shard_pages: int = Field(1024, gt=0, description="Airflow: most pages of one task of the model, which loads it once")
    molmo_queue: str = Field("gpu", description="Airflow: queue of the model's tasks")
    molmo_pool_slots: int = Field(1, gt=0, description="Airflow: slots of pool molmo_gpu that one task of the model takes")
    molmo_pod_template: str | None = Field(None, description="KubernetesExecutor: pod template file of the model's tasks")
    notify_conn_id: str | None = Field(None, description="Airflow: HTTP connection that is told of days that want a look")
    notifier: str | None = Field(None, description="Airflow: import path of a notifier that is told of them")
    notifier_args: dict[str, Any] = Field(default_factory=dict, description="its keyword arguments, as JSON; see docs/operations.md")
    notify_quarantined_share: float = Field(0.1, ge=0, le=1, description="largest share of quarantined documents that nobody is told of")
    ocr_profile: Literal["best", "fast"] = Field("best", description="best: RapidOCR; fast: Tesseract, which reads less")
    languages: str = Field("eng", description="languages of scans by Tesseract's names, joined by +")
    page_images: bool = Field(True, description="keep a small picture of each page that is read, for the document page of the UI")
    limits: Limits = Field(default_factory=Limits)

    @property
    def state_root(self) -> UPath:
        """Root of what runs share and what they leave behind. Readers of the lake skip names with ``_``."""
        return UPath(self.state) if self.state else UPath(self.lake) / "_octavo"

    @property
    def workspaces(self) -> UPath:
        return self.state_root / "workspaces"

    @property
    def reading_store(self) -> UPath:
        return self.state_root / "readings"

    @property
    def answer_store(self) -> UPath:
        return self.state_root / "answers"

    @property
    def correction_store(self) -> UPath:
        """What people said. It lies with the tables: unlike the other stores it cannot be made again."""
        return UPath(self.lake) / "_corrections"


def extractors(choice: str, has_model: bool) -> tuple[str, ...]:
    """The extractors that ``auto``, ``layout`` or ``molmo`` stands for, in the order in which tables list them.

    Args:
        choice: ``auto`` is ``layout``, and ``molmo`` beside it where a model is configured.
        has_model: whether one is.

    Raises:
        SettingsError: the choice needs a model and none is configured.
    """
    if choice == "layout" or (choice == "auto" and not has_model):
        return ("layout",)
    if not has_model:
        raise SettingsError(
            f"extractor {choice!r} needs a model, and none is configured; set OCTAVO_MOLMO_MODEL or give a connection (docs/molmo.md)"
        )
    return ("molmo",) if choice == "molmo" else ("layout", "molmo")
