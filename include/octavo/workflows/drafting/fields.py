"""From values to fields: what type they are, what they are printed beside, where they stand."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Literal

from octavo.model.contracts import Kind, Locale, Place
from octavo.model.lexicon import current
from octavo.page.grids import is_figure
from octavo.page.index import PageIndex
from octavo.page.typed import currency_mark
from octavo.page.values import parser, squeeze
from octavo.page.values.amounts import CENTS
from octavo.page.view import View
from octavo.workflows.drafting.examples import Example, any_contract
from octavo.workflows.drafting.lists import PageList, lists_of
from octavo.workflows.drafting.names import column_name
from octavo.workflows.drafting.printed_labels import Shown, shown

# Share of a field's values that must be of a type for the field to be.
OF_TYPE = 0.9
# Labels that a draft lists, and the least share of the documents that must print one.
MOST_LABELS = 6
LEAST_LABEL = 0.1
# From this share of documents on a value without a label counts as one that stands at the top.
AT_TOP = 0.6
_IDENTIFIER = re.compile(r"(?=.*\d)[\w./#:-]+(?: [\w./#:-]*\d[\w./#:-]*)*")
_MARK = re.compile(r"\d([.,])\d{2}(?![\d.,])")
ORDERS = ("DMY", "MDY", "YMD")


@dataclass(frozen=True)
class _Document:
    """The pages of an example, its true values as they are compared, and the texts in rows of its lists."""

    pages: list[PageIndex]
    texts: list[str]
    rows: frozenset[str]


@dataclass
class FieldDraft:
    """A field of the draft.

    ``found`` and ``gets``: documents whose pages show its value, and of which the draft gets it, of those that have one (``of``).
    ``values`` are what the documents print, by their number among the examples, where they were proposed from the pages. ``doubt`` says
    why nobody but a person can accept its values.
    """

    name: str
    type: Kind
    labels: list[str] = field(default_factory=list)
    not_labels: list[str] = field(default_factory=list)
    place: Place | None = None
    in_all: bool = False
    found: int = 0
    of: int = 0
    gets: int = 0
    fields: list[FieldDraft] = field(default_factory=list)
    values: dict[int, list[str]] = field(default_factory=dict)
    doubt: str = ""


def _texts(truth: dict[str, Any]) -> list[str]:
    """The document's true texts as they are compared: what is part of one is no label."""
    return [squeeze(str(value)) for value in _scalars(truth) if squeeze(str(value))]


def _row_texts(found: PageList) -> Iterator[str]:
    """The texts of a list's items as they are compared: none of them labels a value beside it."""
    for column in found.columns:
        for text in column.texts.values():
            if not current().is_one("sums", text):
                yield squeeze(text)


def locale_of(examples: Sequence[Example], language: str) -> Locale:
    """The order of dates in which the pages show most of the true ones, the decimal mark, and the currency where they print but one."""
    texts = [str(value) for example in examples for value in _scalars(example.truth)]
    best, most = "DMY", -(1 << 30)
    for order in ORDERS:
        locale = Locale(languages=(language,), date_order=order)
        dates = {date for text in texts if (date := parser(locale).parse(Kind.DATE, text))}
        spans = [span for example in examples for page in example.pages for span in parser(locale).dates(page.text)]
        found = sum(span.date in dates for span in spans) + sum(span.order for span in spans)
        if found > most:
            best, most = order, found
    marks = Counter(
        mark for example in examples for mark in {m for page in example.pages for m in PageIndex(page, parser(Locale())).currencies})
    decimal = _decimal(examples, language)
    currency = next((mark for mark, count in marks.most_common(1) if count >= OF_TYPE * marks.total()), None)
    return Locale(languages=(language,), date_order=best, decimal=decimal, currency=currency)


def _decimal(examples: Sequence[Example], language: str) -> Literal[".", ",", "auto"]:
    """The mark before the cents of nearly all amounts, where the language would read them otherwise."""
    marks = Counter(found[1] for example in examples for page in example.pages for found in _MARK.finditer(page.text))
    mark, count = next(iter(marks.most_common(1)), ("", 0))
    read = parser(Locale(languages=(language,)))
    if not count or count < OF_TYPE * marks.total() or read.parse(Kind.MONEY, f"1{mark}500") == Decimal("1.5"):
        return "auto"
    return "," if mark == "," else "."


def _scalars(truth: dict[str, Any]) -> Iterable[Any]:
    for value in truth.values():
        if isinstance(value, dict):
            yield from _scalars(value)
        elif isinstance(value, list):
            yield from (inner for row in value if isinstance(row, dict) for inner in _scalars(row))
        else:
            yield value


def draft_fields(examples: Sequence[Example], locale: Locale) -> list[FieldDraft]:
    """The fields of the examples' truth, in its order; a label belongs to the field that it stands beside most often."""
    told = [example for example in examples if example.truth]
    reader = any_contract("draft", locale)
    documents = [
        _Document(
            [PageIndex(page, parser(locale)) for page in example.pages], _texts(example.truth),
            frozenset(text for page in example.pages for one in lists_of(View(page, reader)) for text in _row_texts(one)),
        ) for example in told
    ]
    names = dict.fromkeys(name for example in told for name in example.truth)
    drafts: list[FieldDraft] = []
    counted: list[tuple[FieldDraft, Counter[str], dict[str, str]]] = []
    for name in names:
        values = [example.truth.get(name) for example in told]
        drafts.append(_draft(name, values, documents, locale, counted, False))
    best: dict[str, int] = {}
    for _, counts, _ in counted:
        for label, count in counts.items():
            best[label] = max(best.get(label, 0), count)
    for draft, counts, prints in counted:
        least = max(1, round(LEAST_LABEL * len(told)))
        chosen = [label for label, count in counts.most_common() if count >= least and count == best[label]]
        draft.labels = [prints[label] for label in chosen[:MOST_LABELS]]
        if draft.labels or draft.type not in (Kind.NAME, Kind.TEXT):
            draft.place = None
        if draft.place:
            draft.type = Kind.NAME
    return drafts


def _draft(
    name: str, values: Sequence[Any], documents: Sequence[_Document], locale: Locale,
    counted: list[tuple[FieldDraft, Counter[str], dict[str, str]]], listed: bool,
) -> FieldDraft:
    known = [(value, document) for value, document in zip(values, documents, strict=True) if value not in (None, "", [], {})]
    own = column_name(name)
    rows = [[row for row in (value if isinstance(value, list) else [value]) if isinstance(row, dict)] for value, _ in known]
    if rows and all(rows):
        kind = Kind.LIST if any(isinstance(value, list) for value, _ in known) else Kind.GROUP
        draft = FieldDraft(own, kind, in_all=len(known) == len(values), of=len(known))
        for cell in dict.fromkeys(key for of in rows for row in of for key in row):
            # of a list the first row is the one right below the header
            firsts = [of[0].get(cell) for of in rows]
            draft.fields.append(_draft(cell, firsts, [document for _, document in known], locale, counted, kind is Kind.LIST))
        return draft
    texts = [(str(one), document) for value, document in known for one in (value if isinstance(value, list) else [value])[:1]]
    draft = FieldDraft(own, type_of(own, [text for text, _ in texts], locale), in_all=len(known) == len(values) > 0, of=len(texts))
    counts: Counter[str] = Counter()
    prints: dict[str, str] = {}
    top = 0
    for text, document in texts:
        found = _first([shown(page, draft.type, text, listed) for page in document.pages])
        if found is None:
            continue
        draft.found += 1
        top += found.at_top
        for label in dict.fromkeys(found.labels):
            if any(squeeze(label) in value for value in document.texts) or (not listed and squeeze(label) in document.rows):
                continue
            counts[squeeze(label)] += 1
            prints.setdefault(squeeze(label), label)
    draft.place = Place.TOP if texts and top >= AT_TOP * len(texts) else None
    counted.append((draft, counts, prints))
    return draft


def _first(found: Iterable[Shown | None]) -> Shown | None:
    """The page that shows the value beside a label, else the first that shows it."""
    pages = [one for one in found if one is not None]
    return next((one for one in pages if one.labels), pages[0] if pages else None)


def type_of(name: str, texts: Sequence[str], locale: Locale) -> Kind:
    """The narrowest type that nearly all values are, and that the name, or name and label, does not speak against."""
    read = parser(locale)

    def all_are(kind: Kind) -> bool:
        return sum(read.parse(kind, text) is not None for text in texts) >= OF_TYPE * len(texts)

    def are_printed_as_money() -> bool:
        return sum(bool(CENTS.search(text) or currency_mark().search(text)) for text in texts) >= OF_TYPE * len(texts)

    def is_named(kind: str) -> bool:
        return bool(current().pattern(f"field_names.{kind}").search(name.replace("_", " ")))

    if not texts:
        return Kind.TEXT
    for kind in (Kind.DATE, Kind.EMAIL, Kind.URL):
        if all_are(kind):
            return kind
    if is_named("phone") and all_are(Kind.PHONE):
        return Kind.PHONE
    if all("%" in text for text in texts) and all_are(Kind.PERCENTAGE):
        return Kind.PERCENTAGE
    are_identifiers = sum(map(_is_identifier, texts)) >= OF_TYPE * len(texts)
    if (is_named("identifier") or "#" in name) and are_identifiers:
        return Kind.IDENTIFIER
    if all_are(Kind.MONEY) and are_printed_as_money():
        return Kind.MONEY
    if all_are(Kind.CURRENCY) and not any(map(str.isdigit, "".join(texts))):
        return Kind.CURRENCY
    if all_are(Kind.INTEGER) and max(map(len, texts)) <= 4:
        return Kind.INTEGER
    if all_are(Kind.NUMBER) and all(map(is_figure, texts)) and not all(text.isdigit() for text in texts):
        return Kind.NUMBER
    if are_identifiers:
        return Kind.IDENTIFIER
    if is_named("address"):
        return Kind.ADDRESS
    return Kind.NAME if is_named("name") else Kind.TEXT


def _is_identifier(text: str) -> bool:
    """Whether a text is one number with letters and marks in it, rather than words that a number follows."""
    known = [char for char in text if char.isalnum()]
    return bool(_IDENTIFIER.fullmatch(text)) and 3 * sum(char.isdigit() for char in known) >= len(known)
