"""Fields of a contract: what a value is, how it is found, and what it must satisfy. docs/contracts.md shows every key."""

from __future__ import annotations

import re
from decimal import Decimal
from enum import StrEnum
from importlib import import_module
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

# A module of python-stdnum: iban, eu.vat.
CHECK = re.compile(r"[a-z][a-z0-9_]*(?:\.[a-z][a-z0-9_]*)?")
# The one cell of the rows of a list of plain values, in paths.
PLAIN = "value"


class Misplaced(ValueError):
    """What is wrong with a part of a contract; ``loc`` leads to it from the part that was validated."""

    def __init__(self, message: str, *loc: str | int) -> None:
        super().__init__(message)
        self.loc = loc


class ContractPart(BaseModel):
    """A mapping of a contract: no keys but its own."""

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
    BOOLEAN = "boolean"       # a box that is ticked or not, or a word for yes or no
    CHOICE = "choice"         # one of ``values``, ticked or printed
    GENERATED = "generated"   # written by a model, not copied from the page
    LIST = "list"             # rows of ``fields``: line items
    GROUP = "group"           # one set of ``fields``
    PAIRS = "pairs"           # whatever keys and values the page has


NUMERIC = frozenset({Kind.MONEY, Kind.NUMBER, Kind.INTEGER, Kind.PERCENTAGE})
# Kinds that hold other fields.
NESTED = frozenset({Kind.LIST, Kind.GROUP, Kind.PAIRS})
# Kinds whose value is one of a few, printed as a word or shown by a tick.
CHOSEN = frozenset({Kind.BOOLEAN, Kind.CHOICE})


class Place(StrEnum):
    """Where a value without a label stands."""

    TOP = "top"
    BOTTOM = "bottom"
    AFTER_COMPANY = "after_company"
    HEADING = "heading"       # the text of a heading; in a list, one row each
    PARAGRAPH = "paragraph"   # running text; in a list, one row each


class Where(StrEnum):
    """Where a value stands by its label."""

    RIGHT = "right"
    BELOW = "below"
    ABOVE = "above"
    LEFT = "left"
    INSIDE = "inside"         # in the ruled box that the label heads


def several(given: object) -> object:
    """One text as a list of it."""
    return (given,) if isinstance(given, str) else given


def _prints(given: object) -> object:
    """The values of a choice with what each is printed as: a list stands for values that are printed as they are called."""
    if isinstance(given, list | tuple) and all(isinstance(one, str) for one in given):
        return {one: (one,) for one in given}
    return {name: several(prints) for name, prints in given.items()} if isinstance(given, dict) else given


def _check_exists(name: str) -> None:
    """``ValueError`` for what is no kind of number of python-stdnum."""
    try:
        found = CHECK.fullmatch(name) and import_module(f"stdnum.{name}")
    except ModuleNotFoundError:
        found = None
    if not hasattr(found, "is_valid"):
        raise Misplaced(
            f"{name!r} is no kind of number that python-stdnum knows; some are iban, eu.vat, lei, ean, isbn, luhn", "check")


def is_pattern(text: str) -> bool:
    """Whether an entry of ``match`` is a regular expression: it stands between slashes."""
    return len(text) > 2 and text.startswith("/") and text.endswith("/")


def compiled(key: str, pattern: str, *loc: str | int) -> re.Pattern[str]:
    """The pattern of a key.

    Raises:
        Misplaced: it is no regular expression.
    """
    try:
        return re.compile(pattern)
    except re.error as error:
        raise Misplaced(f"`{key}:` is no regular expression: {error}", *(loc or (key,))) from error


class Starts(ContractPart):
    """Of ``record_per``: a record begins on each page that has a line on which the pattern ``starts`` is found.

    With a named group only where its text is another than on the pages before.
    """

    starts: str


def unit_of_records(given: object) -> object:
    """What ``record_per`` names: a word, or where records start."""
    if isinstance(given, Starts) or (isinstance(given, str) and given in ("document", "page")):
        return given
    if not isinstance(given, dict) or list(given) != ["starts"] or not isinstance(given["starts"], str):
        raise Misplaced("is document, page or {starts: PATTERN}")
    pattern = compiled("starts", given["starts"], "starts")
    if len(pattern.groupindex) > 1:
        raise Misplaced(f"`starts:` has the named groups {', '.join(pattern.groupindex)}; name only what tells records apart", "starts")
    if pattern.search(""):
        raise Misplaced(f"`starts:` {given['starts']!r} finds the empty text, so that every page would start a record", "starts")
    return Starts(starts=given["starts"])


class Marks(ContractPart):
    """The marks beside an amount that say whether it is more or less, instead of the lexicon's words of credit and debit."""

    plus: Annotated[tuple[str, ...], BeforeValidator(several)] = ()
    minus: Annotated[tuple[str, ...], BeforeValidator(several)] = ()

    @model_validator(mode="after")
    def _consistent(self) -> Marks:
        if not self.plus and not self.minus:
            raise ValueError("names no mark; write `marks: {plus: [CR], minus: [DR]}`")
        both = {mark.casefold() for mark in self.plus} & {mark.casefold() for mark in self.minus}
        if both:
            raise ValueError(f"{sorted(both)[0]!r} is both plus and minus; leave it out of one")
        return self


class FieldSpec(ContractPart):
    """One field: its type, the labels it is printed under, and the checks on its value.

    ``labels`` stand in order of preference and match as ``octavo.page.labels`` says; of a list or group they
    name the heading of its section. ``prompt_labels`` are few and common ones for a model, which knows the others; without
    them it is shown the first of ``labels``. ``not_labels`` are longer prints that hide a label they contain.
    ``where`` says on which sides of its label the value stands; none: right, below or in its box. ``find`` is a pattern whose
    named group, or all of it, is the value. ``place`` is where a value stands whose label is missing. ``pick`` says which of
    several values beside one label, or below it, is meant. ``values`` are those of a choice, each with what it is printed as.
    ``year_from`` names the date field that says the year of dates without one. ``marks`` say which amounts are less than zero.
    ``check`` names kinds of numbers with check digits, by their module in python-stdnum, one of which the value must be.
    ``of`` makes a list one of plain values of that kind, which ``fields`` then holds under ``PLAIN``. ``rows`` says where the
    headers of a list stand, ``continues`` whether its table goes on over pages. ``accept_at`` is the least confidence of an
    accepted value; None: the contract's.
    """

    type: Kind = Kind.TEXT
    description: str = ""
    labels: tuple[str, ...] = ()
    prompt_labels: tuple[str, ...] = ()
    not_labels: tuple[str, ...] = ()
    where: Annotated[tuple[Where, ...], BeforeValidator(several)] = ()
    find: str | None = None
    place: Place | None = None
    pick: Literal["first", "last", "largest"] = "first"
    values: Annotated[dict[str, tuple[str, ...]], BeforeValidator(_prints)] = Field(default_factory=dict)
    year_from: str | None = None
    marks: Marks | None = None
    required: bool = False
    pattern: str | None = None
    min: float | None = None
    max: float | None = None
    unique: bool = False
    accept_at: Decimal | None = Field(None, ge=0, le=1)
    check: Annotated[tuple[str, ...], BeforeValidator(several)] = ()
    of: Kind | None = None
    rows: Literal["top", "left"] | None = None
    continues: bool = True
    fields: dict[str, FieldSpec] = Field(default_factory=dict)

    @model_validator(mode="before")
    @classmethod
    def _plain_values(cls, given: Any) -> Any:
        """A list of plain values as rows of one cell, which takes over what concerns a value."""
        if not isinstance(given, dict) or given.get("of") is None or given.get("type") != Kind.LIST or given.get("fields"):
            return given
        if given["of"] in (*NESTED, Kind.GENERATED):
            raise Misplaced(f"`of:` names the type of plain values, not {given['of']}; rows of several values are `fields:`", "of")
        cell = {key: given[key] for key in (*_OF_VALUES, "labels", "not_labels", "prompt_labels") if key in given}
        rest = {key: value for key, value in given.items() if key not in _OF_VALUES}
        return {**rest, "fields": {PLAIN: {**cell, "type": given["of"]}}}

    @model_validator(mode="after")
    def _consistent(self) -> FieldSpec:
        nested = self.type in (Kind.LIST, Kind.GROUP)
        if nested and not self.fields:
            or_of = " or `of:` with the type of plain values" if self.type is Kind.LIST else ""
            raise ValueError(f"a {self.type} field needs `fields:` with at least one entry{or_of}")
        if self.fields and not nested:
            raise Misplaced(f"`fields:` belongs to list and group fields, this one is {self.type}", "fields")
        several = nested or self.type is Kind.PAIRS
        if several and (self.pattern is not None or self.unique):
            raise ValueError(f"`pattern:` and `unique:` belong to fields with one value, this one is {self.type}")
        if self.check and self.type is not Kind.IDENTIFIER:
            raise Misplaced(f"`check:` belongs to identifier fields, this one is {self.type}", "check")
        for name in self.check:
            _check_exists(name)
        if not self.continues and self.type is not Kind.LIST:
            raise Misplaced(f"`continues:` belongs to list fields, this one is {self.type}", "continues")
        if self.type is Kind.GROUP and self.required:
            raise Misplaced("`required:` belongs to the fields of a group, not to the group", "required")
        if self.type not in NUMERIC and (self.min is not None or self.max is not None):
            numeric = ", ".join(kind for kind in Kind if kind in NUMERIC)
            raise ValueError(f"`min:` and `max:` belong to {numeric} fields, this one is {self.type}")
        if self.min is not None and self.max is not None and self.min > self.max:
            raise ValueError(f"`min:` {self.min:g} is more than `max:` {self.max:g}")
        if self.pattern is not None:
            compiled("pattern", self.pattern)
        self._ways_to_find(several)
        self._kinds_own_keys()
        return self

    def _ways_to_find(self, several: bool) -> None:
        """Refuse keys about where a value stands that have no effect together."""
        if self.where and not self.labels:
            raise Misplaced("`where:` says where a value stands by its label; add `labels:`", "where")
        if self.where and several:
            raise Misplaced(f"`where:` belongs to fields with one value, this one is {self.type}", "where")
        if self.find is None:
            return
        if several or self.type in (*CHOSEN, Kind.GENERATED):
            raise Misplaced(f"`find:` belongs to fields with one value that is printed, this one is {self.type}", "find")
        groups = compiled("find", self.find).groupindex
        if len(groups) > 1:
            raise Misplaced(f"`find:` has the named groups {', '.join(groups)}; name only the one that is the value", "find")
        for key in ("where", "place"):
            if getattr(self, key):
                raise Misplaced(f"`find:` finds the value wherever it stands; leave out `{key}:` or `find:`", key)

    def _kinds_own_keys(self) -> None:
        """Refuse keys that belong to other kinds."""
        if self.type is Kind.CHOICE and len(self.values) < 2:
            raise ValueError("a choice needs `values:` with at least two entries, such as `values: [cash, card]`")
        for key, belongs, own in (
            ("values", "choice", self.type is Kind.CHOICE), ("year_from", "date", self.type is Kind.DATE),
            ("marks", "money", self.type is Kind.MONEY), ("of", "list", self.type is Kind.LIST), ("rows", "list", self.type is Kind.LIST),
        ):
            if getattr(self, key) and not own:
                raise Misplaced(f"`{key}:` belongs to {belongs} fields, this one is {self.type}", key)
        if self.type in CHOSEN and self.place is not None:
            raise Misplaced(f"`place:` has no effect on a {self.type}, which is found by its labels; leave it out", "place")
        if self.type in CHOSEN and self.pattern is not None:
            raise Misplaced(f"`pattern:` has no effect on a {self.type}; leave it out", "pattern")
        if self.of is not None and list(self.fields) != [PLAIN]:
            raise Misplaced("`of:` makes a list one of plain values; leave out `of:` or `fields:`", "of")
        if self.rows is not None and self.of is not None:
            raise Misplaced("`rows:` says where a table's headers stand, and a list of plain values has none; leave it out", "rows")


# What a list of plain values says of each of them.
_OF_VALUES = ("pattern", "min", "max", "unique", "check", "accept_at", "values", "year_from", "marks", "find")
