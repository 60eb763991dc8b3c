"""Contracts: one YAML file that describes a document type.

From a contract alone follow the fields to extract, how pages are cut, the Parquet schema, the
expectations of the gate and the DAG. docs/contracts.md shows every key.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from decimal import Decimal
from enum import StrEnum
from importlib import import_module
from itertools import chain
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator
from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap, CommentedSeq
from ruamel.yaml.error import MarkedYAMLError

from octavo.model.digest import digest
from octavo.model.errors import ContractError
from octavo.model.lexicon import PART, current
from octavo.model.tiling import HIGH_TILES

NAME = re.compile(r"[a-z][a-z0-9_]*")
# A module of python-stdnum: iban, eu.vat.
CHECK = re.compile(r"[a-z][a-z0-9_]*(?:\.[a-z][a-z0-9_]*)?")
RESERVED = frozenset({"documents", "pages", "chunks", "fields", "review", "corrections", "answers", "ledger"})


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Kind(StrEnum):
    """What a field's value is, and so how it is parsed, compared and stored."""

    TEXT = "text"
    IDENTIFIER = "identifier"
    DATE = "date"
    MONEY = "money"
    NUMBER = "number"
    INTEGER = "integer"
    PERCENTAGE = "percentage"
    CURRENCY = "currency"
    PHONE = "phone"
    EMAIL = "email"
    URL = "url"
    ADDRESS = "address"
    NAME = "name"
    GENERATED = "generated"   # written by a model, not copied from the page
    LIST = "list"             # rows of ``fields``: line items
    GROUP = "group"           # one set of ``fields``
    PAIRS = "pairs"           # whatever keys and values the page has


NUMERIC = frozenset({Kind.MONEY, Kind.NUMBER, Kind.INTEGER, Kind.PERCENTAGE})
# Kinds that hold other fields.
NESTED = frozenset({Kind.LIST, Kind.GROUP, Kind.PAIRS})


class Strategy(StrEnum):
    """How a page is cut into chunks."""

    PAGE = "page"
    QUADRANTS = "quadrants"
    LINE_GAP = "line_gap"
    LAYOUT = "layout"
    SEGMENTS = "segments"


class Place(StrEnum):
    """Where a value without a label stands."""

    TOP = "top"
    BOTTOM = "bottom"
    AFTER_COMPANY = "after_company"
    HEADING = "heading"       # the text of a heading; in a list, one row each
    PARAGRAPH = "paragraph"   # running text; in a list, one row each


def _several(given: object) -> object:
    return (given,) if isinstance(given, str) else given


def _check_exists(name: str) -> None:
    """``ValueError`` for what is no kind of number of python-stdnum."""
    try:
        found = CHECK.fullmatch(name) and import_module(f"stdnum.{name}")
    except ModuleNotFoundError:
        found = None
    if not hasattr(found, "is_valid"):
        raise ValueError(f"`check:` {name!r} is no kind of number that python-stdnum knows; some are iban, eu.vat, lei, ean, isbn, luhn")


class FieldSpec(_Part):
    """One field: its type, the labels it is printed under, and the checks on its value.

    ``labels`` stand in order of preference and match as ``octavo.page.labels`` says; of a list or group they
    name the heading of its section. ``prompt_labels`` are few and common ones for a model, which knows the others; without
    them it is shown the first of ``labels``. ``not_labels`` are longer prints that hide a label they contain.
    ``place`` is where a value stands whose label is missing. ``pick`` says which of several values
    beside one label, or below it, is meant. ``check`` names kinds of numbers with check digits, by their
    module in python-stdnum, one of which the value must be. ``continues`` says whether a list's table goes
    on over pages. ``accept_at`` is the least confidence of an accepted value; None: the contract's.
    """

    type: Kind = Kind.TEXT
    description: str = ""
    labels: tuple[str, ...] = ()
    prompt_labels: tuple[str, ...] = ()
    not_labels: tuple[str, ...] = ()
    place: Place | None = None
    pick: Literal["first", "last", "largest"] = "first"
    required: bool = False
    pattern: str | None = None
    min: float | None = None
    max: float | None = None
    unique: bool = False
    accept_at: Decimal | None = Field(None, ge=0, le=1)
    check: Annotated[tuple[str, ...], BeforeValidator(_several)] = ()
    continues: bool = True
    fields: dict[str, FieldSpec] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _consistent(self) -> FieldSpec:
        nested = self.type in (Kind.LIST, Kind.GROUP)
        if nested and not self.fields:
            raise ValueError(f"a {self.type} field needs `fields:` with at least one entry")
        if self.fields and not nested:
            raise ValueError(f"`fields:` belongs to list and group fields, this one is {self.type}")
        several = nested or self.type is Kind.PAIRS
        if several and (self.pattern is not None or self.unique):
            raise ValueError(f"`pattern:` and `unique:` belong to fields with one value, this one is {self.type}")
        if self.check and self.type is not Kind.IDENTIFIER:
            raise ValueError(f"`check:` belongs to identifier fields, this one is {self.type}")
        for name in self.check:
            _check_exists(name)
        if not self.continues and self.type is not Kind.LIST:
            raise ValueError(f"`continues:` belongs to list fields, this one is {self.type}")
        if self.type is Kind.GROUP and self.required:
            raise ValueError("`required:` belongs to the fields of a group, not to the group")
        if self.type not in NUMERIC and (self.min is not None or self.max is not None):
            numeric = ", ".join(kind for kind in Kind if kind in NUMERIC)
            raise ValueError(f"`min:` and `max:` belong to {numeric} fields, this one is {self.type}")
        if self.min is not None and self.max is not None and self.min > self.max:
            raise ValueError(f"`min:` {self.min:g} is more than `max:` {self.max:g}")
        if self.pattern is not None:
            try:
                re.compile(self.pattern)
            except re.error as error:
                raise ValueError(f"`pattern:` is no regular expression: {error}") from error
        return self


class Chunking(_Part):
    """How pages are cut; lengths are multiples of the page's median line height unless they say px."""

    strategy: Strategy = Strategy.LAYOUT
    line_gap_px: int = Field(10, ge=0, description="line_gap: a new chunk past this vertical gap, pixels (the tutorial's)")
    max_words: int = Field(400, gt=0, description="layout: most words of one chunk; with detail high 1,200 where none is given")
    detail: Literal["standard", "high"] = Field("standard", description="high: a model sees a chunk in up to 24 tiles instead of 8")

    @model_validator(mode="before")
    @classmethod
    def _words_by_detail(cls, given: Any) -> Any:
        """Where the contract gives no ``max_words``: three times the tiles, three times the words."""
        if isinstance(given, dict) and given.get("detail") == "high":
            return {"max_words": 1200, **given}
        return given

    @property
    def tiles(self) -> int | None:
        """Most tiles that a model is to cut a chunk's picture into; None: as it was trained."""
        return HIGH_TILES if self.detail == "high" else None


class Sum(_Part):
    """An arithmetic check: the parts must add up to the total, where all are known."""

    total: str
    parts: tuple[str, ...] = Field(min_length=1)
    tolerance: float = Field(0.01, ge=0)


class Gate(_Part):
    """What a day must satisfy before it is published."""

    max_quarantined_share: float = Field(1.0, ge=0, le=1, description="largest share of the documents found that may be quarantined")
    max_untrusted_share: float = Field(1.0, ge=0, le=1, description="largest share of values that may be unsupported or conflicting")
    max_lost_pages_share: float = Field(1.0, ge=0, le=1, description="largest share of pages that may be quarantined")
    max_fallback_share: float = Field(1.0, ge=0, le=1, description="largest share of answers that may be of no use")
    max_unclaimed_share: float = Field(1.0, ge=0, le=1, description="largest share of columns and labelled values that no field took")
    min_required_share: float = Field(0.0, ge=0, le=1, description="least share of documents with words that have each required field")
    min_pattern_share: float = Field(1.0, ge=0, le=1, description="least share of values that match their pattern or range, and of sums")
    failing_rows: Literal["stop", "review"] = Field("stop", description="stop: nothing is published; review: all rows but those that fail")
    sums: tuple[Sum, ...] = ()
    show_values: bool = Field(False, description="put failing values into reports; documents are private by default")


class PromptStyle(StrEnum):
    """How a model is asked. ``auto``: ``free`` for contracts with pairs or generated fields, else ``schema``."""

    AUTO = "auto"
    SCHEMA = "schema"       # every field with its type, meaning and labels
    FREE = "free"           # the contract's description and the shape of the answer
    TUTORIAL = "tutorial"   # "Extract information from this section: {the chunk's words} in JSON format."


class Prompt(_Part):
    """How a model is asked about a chunk, and how much it may say."""

    style: PromptStyle = PromptStyle.AUTO
    template: str | None = Field(None, min_length=1, description="a prompt of your own: {fields} {shape} {title} {part} {text}")
    hint: bool = Field(False, description="show the model the words that OCR read; its answer cannot confirm them then")
    max_new_tokens: int = Field(512, gt=0, le=8192, description="most tokens of an answer; a retry may use four times as many")
    stop: tuple[str, ...] = Field((), description="texts that end an answer; not every server can")
    max_height_px: int | None = Field(None, gt=0, description="crops are scaled down to this height (the tutorial's: 800)")
    max_crops: int | None = Field(None, gt=0, le=64, description="tiles that the model cuts a crop into; null: by chunking.detail")

    @property
    def hinted(self) -> bool:
        """Whether the chunk's words are in the prompt."""
        return self.hint or self.style is PromptStyle.TUTORIAL or "{text}" in (self.template or "")


class Locale(_Part):
    """How dates and numbers are written."""

    languages: tuple[str, ...] = ("en",)
    date_order: Literal["DMY", "MDY", "YMD"] = "DMY"
    decimal: Literal[".", ",", "auto"] = "auto"
    currency: str | None = None


class Contract(_Part):
    """A document type. ``hash`` pins what a run used."""

    name: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$", max_length=64)]
    title: str
    description: str = ""
    schedule: str | None = Field("0 0 * * *", description="cron expression of the runs, or on_arrival; null: only by hand")
    start: str | None = Field(None, pattern=r"^\d{4}-\d{2}-\d{2}$", description="no scheduled run for an earlier day")
    files: tuple[str, ...] = ("**/*",)
    pages: str | None = Field(None, pattern=r"^\d+(-\d*)?(, ?\d+(-\d*)?)*$", description='pages of a document that are read: "1-3, 7, 10-"')
    locale: Locale = Locale()
    chunking: Chunking = Chunking()
    extractor: Literal["auto", "layout", "molmo"] = "auto"
    connection: str | None = Field(None, min_length=1, description="Airflow: the connection that names its model; null: by the settings")
    prompt: Prompt = Prompt()
    accept_at: Decimal | None = Field(None, ge=0, le=1, description="least confidence of an accepted value; null: as it is shipped")
    fields: dict[str, FieldSpec] = Field(min_length=1)
    gate: Gate = Gate()

    @model_validator(mode="after")
    def _page_ranges(self) -> Contract:
        for first, last in self.page_ranges():
            if first < 1 or (last is not None and last < first):
                raise ValueError(f"`pages:` {self.pages!r} has a range that holds no page; pages count from 1, the smaller number first")
        return self

    @model_validator(mode="after")
    def _names(self) -> Contract:
        if self.name in RESERVED:
            raise ValueError(f"name {self.name!r} is taken by a table or a DAG of Octavo's own; choose another")
        for path, _ in self.leaves():
            for part in path.replace("[]", "").split("."):
                if not NAME.fullmatch(part):
                    raise ValueError(f"field name {part!r} must be lower case letters, digits and _ (it becomes a column)")
        for check in self.gate.sums:
            for name in (check.total, *check.parts):
                if name not in dict(self.leaves()):
                    raise ValueError(f"gate.sums names {name!r}, which is no field; fields are {', '.join(p for p, _ in self.leaves())}")
        return self

    @property
    def hash(self) -> str:
        """sha256 of the contract's content; comments and order of keys do not count."""
        return digest(self.model_dump(mode="json"))

    def page_ranges(self) -> list[tuple[int, int | None]]:
        """``pages`` as (first, last), both inclusive; None is the document's last page."""
        parts = (part.strip().partition("-") for part in (self.pages or "1-").split(","))
        return [(int(first), (int(last) if last else None) if dash else int(first)) for first, dash, last in parts]

    def wants_page(self, number: int) -> bool:
        """Whether page ``number`` (from 1) of a document is read."""
        return any(first <= number and (last is None or number <= last) for first, last in self.page_ranges())

    def leaves(self) -> Iterator[tuple[str, FieldSpec]]:
        """Every field that holds a value, by path: ``total``, ``service.address``, ``line_items[].amount``."""
        yield from _leaves("", self.fields)


def _leaves(prefix: str, fields: dict[str, FieldSpec]) -> Iterator[tuple[str, FieldSpec]]:
    for name, spec in fields.items():
        if spec.type is Kind.LIST:
            yield from _leaves(f"{prefix}{name}[].", spec.fields)
        elif spec.type is Kind.GROUP:
            yield from _leaves(f"{prefix}{name}.", spec.fields)
        else:
            yield f"{prefix}{name}", spec


def load(path: Path) -> Contract:
    """Read one contract file.

    Raises:
        ContractError: names file, line and what to change, one line per problem.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise ContractError(f"{path}: is not UTF-8 (byte {error.start + 1}); save it as UTF-8") from error
    try:
        tree = YAML(typ="safe").load(text)
    except MarkedYAMLError as error:
        mark = error.problem_mark
        line = mark.line + 1 if mark else 1
        raise ContractError(f"{path}:{line}: not valid YAML: {error.problem}") from error
    if not isinstance(tree, dict):
        raise ContractError(f"{path}:1: a contract is a mapping with at least name, title and fields; see docs/contracts.md")
    try:
        contract = Contract.model_validate(_with_plain_labels(path, text, tree))
    except ValidationError as error:
        lines = _Lines(text)
        problems = [f"{path}:{lines.of(e['loc'])}: {'.'.join(map(str, e['loc'])) or 'contract'}: {_remedy(e)}" for e in error.errors()]
        raise ContractError("\n".join(problems)) from error
    if contract.name != path.stem:
        line = _Lines(text).of(("name",))
        raise ContractError(f"{path}:{line}: name is {contract.name!r}; call the file {contract.name}.yaml or change the name")
    return contract


def find(name: str, folder: Path | str) -> Contract:
    """The contract called ``name`` in ``folder``, or the file itself if ``name`` is a path to a YAML file."""
    if name.endswith((".yaml", ".yml")):
        path = Path(name)
        if not path.is_file():
            raise ContractError(f"{path}: no such contract file")
        return load(path)
    path = Path(folder) / f"{name}.yaml"
    if not path.is_file():
        known = ", ".join(sorted(p.stem for p in Path(folder).glob("*.yaml"))) or "none"
        raise ContractError(f"no contract {name!r} in {folder}; there are: {known}")
    return load(path)


def load_all(folder: Path | str) -> list[Contract]:
    """Every contract of a folder, by name."""
    return [load(path) for path in sorted(Path(folder).glob("*.yaml"))]


def load_valid(folder: Path | str, only: str | None = None) -> tuple[list[Contract], list[ContractError]]:
    """Every sound contract of a folder, by name, and what is wrong with the others.

    Args:
        only: the one contract to read; None reads all.
    """
    sound, errors = [], []
    for path in sorted(Path(folder).glob(f"{only or '*'}.yaml")):
        try:
            sound.append(load(path))
        except ContractError as error:
            errors.append(error)
    return sound, errors


def _with_plain_labels(path: Path, text: str, tree: dict[str, Any]) -> dict[str, Any]:
    """The contract with each label that has word groups of the lexicon replaced by the labels that it stands for.

    Raises:
        ContractError: names file, line and group.
    """
    locale = tree.get("locale")
    languages = locale.get("languages") if isinstance(locale, dict) else None

    def compose(fields: object, loc: tuple[str, ...]) -> None:
        for name, spec in fields.items() if isinstance(fields, dict) else ():
            if not isinstance(spec, dict):
                continue
            for key in ("labels", "not_labels"):
                given = spec.get(key)
                if isinstance(given, list) and any(isinstance(label, str) and PART.search(label) for label in given):
                    made = (labels_of(label, (*loc, name, key, at)) for at, label in enumerate(given))
                    spec[key] = list(dict.fromkeys(chain.from_iterable(made)))
            compose(spec.get("fields"), (*loc, name, "fields"))

    def labels_of(label: object, loc: tuple[str | int, ...]) -> list[object]:
        try:
            return list(current().composed(label, languages)) if isinstance(label, str) else [label]
        except ValueError as error:
            raise ContractError(f"{path}:{_Lines(text).of(loc)}: {'.'.join(map(str, loc))}: {error}") from error

    compose(tree.get("fields"), ("fields",))
    return tree


class _Lines:
    """Where the parts of a file stand; parsing it for that takes ten times as long as parsing it."""

    def __init__(self, text: str) -> None:
        self._tree = YAML(typ="rt").load(text)

    def of(self, loc: tuple[int | str, ...]) -> int:
        """The line, from 1, of the deepest part of ``loc`` that the file has."""
        line, node = 1, self._tree
        for part in loc:
            if isinstance(node, CommentedMap) and part in node:
                line = node.lc.key(part)[0] + 1
            elif isinstance(node, CommentedSeq) and isinstance(part, int) and part < len(node):
                line = node.lc.item(part)[0] + 1
            else:
                break
            node = node[part]
        return line


def _remedy(error: Any) -> str:
    match error["type"]:
        case "extra_forbidden":
            return "no such key; check its spelling against docs/contracts.md"
        case "missing":
            return "is missing; add it"
        case _:
            given = error.get("input")
            shown = f" (found {given!r})" if isinstance(given, str | int | float | bool) else ""
            return f"{error['msg'].removeprefix('Value error, ')}{shown}"
