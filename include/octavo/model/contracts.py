"""Contracts: one YAML file that describes a document type.

From a contract alone follow the fields to extract, how pages are cut, the Parquet schema, the
expectations of the gate and the DAG. docs/contracts.md shows every key.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from decimal import Decimal
from enum import StrEnum
from itertools import chain
from pathlib import Path
from typing import Annotated, Any, Literal

from babel import Locale as Cldr
from babel.core import UnknownLocaleError
from pydantic import BeforeValidator, Field, ValidationError, field_validator, model_validator
from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap, CommentedSeq
from ruamel.yaml.error import MarkedYAMLError

from octavo.model.digest import digest
from octavo.model.errors import ContractError
from octavo.model.field_specs import (
    CHOSEN,
    NESTED,
    NUMERIC,
    PLAIN,
    ContractPart,
    FieldSpec,
    Kind,
    Marks,
    Misplaced,
    Place,
    Starts,
    Where,
    compiled,
    is_pattern,
    several,
    unit_of_records,
)
from octavo.model.lexicon import PART, current
from octavo.model.tiling import HIGH_TILES

__all__ = [
    "CHOSEN", "COLUMNS", "NESTED", "NUMERIC", "PLAIN", "Chunking", "Contract", "FieldSpec", "Gate", "Kind", "Locale", "Marks", "Misplaced",
    "Place", "Prompt", "PromptStyle", "Starts", "Strategy", "Sum", "Where", "find", "load", "load_all", "load_valid",
]

NAME = re.compile(r"[a-z][a-z0-9_]*")
# Columns that every contract's table has, and the partition of its name. Fields called ``day``, as the other partition, were always taken.
COLUMNS = ("document", "uri", "contract_hash", "contract")
# And those of a contract that makes several records of a document.
RECORD_COLUMNS = ("record", "first_page", "last_page")
_ROW_NUMBER = re.compile(r"\[\d+\]")
RESERVED = frozenset({"documents", "pages", "chunks", "fields", "review", "corrections", "answers", "ledger"})


class Strategy(StrEnum):
    """How a page is cut into chunks."""

    PAGE = "page"
    QUADRANTS = "quadrants"
    LINE_GAP = "line_gap"
    LAYOUT = "layout"
    SEGMENTS = "segments"


class Chunking(ContractPart):
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


class Sum(ContractPart):
    """An arithmetic check: the parts, less what ``minus`` names, must add up to the total, where all are known."""

    total: str
    parts: tuple[str, ...] = Field(min_length=1)
    minus: tuple[str, ...] = ()
    tolerance: float = Field(0.01, ge=0)

    @property
    def names(self) -> tuple[str, ...]:
        """The fields of the sum: its total, its parts and what is taken away."""
        return self.total, *self.parts, *self.minus

    @property
    def text(self) -> str:
        """The sum in words: ``closing = opening + deposits - withdrawals``."""
        return f"{self.total} = {' + '.join(self.parts)}" + "".join(f" - {name}" for name in self.minus)


class Gate(ContractPart):
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


class Prompt(ContractPart):
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


class Locale(ContractPart):
    """How dates and numbers are written."""

    languages: tuple[str, ...] = ("en",)
    date_order: Literal["DMY", "MDY", "YMD"] = "DMY"
    decimal: Literal[".", ",", "auto"] = "auto"
    currency: str | None = None

    @field_validator("languages")
    @classmethod
    def _known(cls, languages: tuple[str, ...]) -> tuple[str, ...]:
        for at, language in enumerate(languages):
            try:
                Cldr.parse(language, sep="-")
            except (UnknownLocaleError, ValueError) as error:
                if language not in current().languages:
                    raise Misplaced(f"{language!r} is no language; write codes such as en, de or pt", at) from error
        return languages


class Contract(ContractPart):
    """A document type. ``hash`` pins what a run used."""

    name: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$", max_length=64)]
    title: str
    description: str = ""
    schedule: str | None = Field("0 0 * * *", description="cron expression of the runs, or on_arrival; null: only by hand")
    start: str | None = Field(None, pattern=r"^\d{4}-\d{2}-\d{2}$", description="no scheduled run for an earlier day")
    files: tuple[str, ...] = ("**/*",)
    pages: str | None = Field(None, pattern=r"^\d+(-\d*)?(, ?\d+(-\d*)?)*$", description='pages of a document that are read: "1-3, 7, 10-"')
    match: Annotated[tuple[str, ...], BeforeValidator(several)] = Field((), description="words or /patterns/ of which documents have some")
    record_per: Annotated[Literal["document", "page"] | Starts, BeforeValidator(unit_of_records)] = "document"
    locale: Locale = Locale()
    chunking: Chunking = Chunking()
    extractor: Literal["auto", "layout", "molmo"] = "auto"
    connection: str | None = Field(None, min_length=1, description="Airflow: the connection that names its model; null: by the settings")
    prompt: Prompt = Prompt()
    accept_at: Decimal | None = Field(None, ge=0, le=1, description="least confidence of an accepted value; null: as it is shipped")
    fields: dict[str, FieldSpec] = Field(min_length=1)
    gate: Gate = Gate()

    @field_validator("match")
    @classmethod
    def _can_match(cls, match: tuple[str, ...]) -> tuple[str, ...]:
        for at, one in enumerate(match):
            if is_pattern(one):
                compiled("match", one[1:-1], at)
            elif not any(map(str.isalnum, one)):
                raise Misplaced(f"{one!r} has neither letters nor digits to look for", at)
        return match

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
        for loc, name in _named(("fields",), self.fields):
            if not NAME.fullmatch(name):
                raise Misplaced(f"field name {name!r} must be lower case letters, digits and _ (it becomes a column)", *loc)
        for name in self.fields:
            if name in COLUMNS or (self.many_records and name in RECORD_COLUMNS):
                raise Misplaced(f"field name {name!r} is taken by a column or a partition of every table; choose another", "fields", name)
        for at, check in enumerate(self.gate.sums):
            for name in check.names:
                if name not in dict(self.leaves()):
                    known = ", ".join(path for path, _ in self.leaves())
                    raise Misplaced(f"gate.sums names {name!r}, which is no field; fields are {known}", "gate", "sums", at)
        return self

    @model_validator(mode="after")
    def _fields_of_fields(self) -> Contract:
        dates = [path for path, spec in self.leaves() if spec.type is Kind.DATE and "[]" not in path and spec.year_from is None]
        for loc, spec in _specs(("fields",), self.fields):
            if spec.type is Kind.LIST and loc.count("fields") > 1 and self._in_list(loc[:-2]):
                raise Misplaced("a list within a list has no place in a table; make it a list of its own or plain fields", *loc)
            if spec.year_from is not None and spec.year_from not in dates:
                raise Misplaced(f"`year_from:` {spec.year_from!r} is no date field with a year of its own outside lists; "
                                f"there are: {', '.join(dates) or 'none'}", *loc, "year_from")
        return self

    def _in_list(self, loc: tuple[str, ...]) -> bool:
        """Whether a field at ``loc``, or one that holds it, is a list."""
        fields, found = self.fields, False
        for name in loc[1::2]:
            found = found or fields[name].type is Kind.LIST
            fields = fields[name].fields
        return found

    @property
    def hash(self) -> str:
        """sha256 of the contract's content; comments and order of keys do not count. Contracts that make one record of a document have the
        hash that they had before there was another way."""
        return digest(self.model_dump(mode="json", exclude=None if self.many_records else {"record_per"}))

    @property
    def many_records(self) -> bool:
        """Whether a document may be several records, which its tables then number."""
        return self.record_per != "document"

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


def leaf_path(path: str) -> str:
    """The path of a value as ``Contract.leaves`` has it, without numbers of rows: ``line_items[].amount`` for ``line_items[2].amount``."""
    return _ROW_NUMBER.sub("[]", path)


def _leaves(prefix: str, fields: dict[str, FieldSpec]) -> Iterator[tuple[str, FieldSpec]]:
    for name, spec in fields.items():
        if spec.type is Kind.LIST:
            yield from _leaves(f"{prefix}{name}[].", spec.fields)
        elif spec.type is Kind.GROUP:
            yield from _leaves(f"{prefix}{name}.", spec.fields)
        else:
            yield f"{prefix}{name}", spec


def _specs(loc: tuple[str, ...], fields: dict[str, FieldSpec]) -> Iterator[tuple[tuple[str, ...], FieldSpec]]:
    """Every field with where it stands in the contract, those that hold others before these."""
    for name, spec in fields.items():
        yield (*loc, name), spec
        if spec.of is None:
            yield from _specs((*loc, name, "fields"), spec.fields)


def _named(loc: tuple[str, ...], fields: dict[str, FieldSpec]) -> Iterator[tuple[tuple[str, ...], str]]:
    return ((at, at[-1]) for at, _ in _specs(loc, fields))


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
        located = [((*e["loc"], *getattr(e.get("ctx", {}).get("error"), "loc", ())), e) for e in error.errors()]
        problems = [f"{path}:{lines.of(loc)}: {'.'.join(map(str, loc)) or 'contract'}: {_remedy(e)}" for loc, e in located]
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
    given, told, about = error.get("input"), error.get("ctx") or {}, error["loc"][-1] if error["loc"] else "contract"
    shown = f" (found {given!r})" if isinstance(given, str | int | float | bool) else ""
    match error["type"]:
        case "extra_forbidden":
            return "no such key; check its spelling against docs/contracts.md"
        case "missing":
            return "is missing; add it"
        case "tuple_type":
            return f"is no list; write [{given}]" if shown else "is no list; write one in []"
        case "dict_type" | "model_type" | "model_attributes_type":
            return f"is no mapping; write its keys below it, or in {{}}{shown}"
        case "string_type":
            return f"is no text; put it in quotes{shown}"
        case "enum" | "literal_error":
            return f"is none of {told['expected'].replace(' or ', ', ')}{shown}".replace("'", "")
        case "bool_type" | "bool_parsing":
            return f"is true or false{shown}"
        case "too_short":
            return "is empty; it needs an entry"
        case "string_pattern_mismatch":
            return f"{_PATTERNS.get(about, 'must match ' + told['pattern'])}{shown}"
        case kind if kind.startswith(("int_", "float_", "decimal_")):
            return f"is no number{shown}"
        case _:
            return f"{str(error['msg']).removeprefix('Value error, ').replace('Input should be', 'must be')}{shown}"


# What a text must be that has to match a pattern.
_PATTERNS = {
    "name": "must be lower case letters, digits and _, a letter first", "start": "must be a day, YYYY-MM-DD",
    "pages": 'must be ranges of pages, such as "1-3, 7, 10-"',
}
