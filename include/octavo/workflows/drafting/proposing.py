"""Fields proposed from the pages alone: lists from the grid, single values from what stands boxed with, beside or below a label."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, field
from itertools import groupby

from rapidfuzz.distance import Levenshtein

from octavo.extraction.rules.key_value_pairs import Pair, pairs, reads_like_key
from octavo.extraction.rules.running_text import headings
from octavo.extraction.rules.unlabelled import placed
from octavo.model.contracts import FieldSpec, Kind, Locale, Place
from octavo.page.businesses import has_legal_form
from octavo.page.grids import is_figure
from octavo.page.labels import LONGEST_LABEL, normalise
from octavo.page.values import parser, squeeze
from octavo.page.view import Printed, View, trimmed
from octavo.workflows.drafting.examples import Example, any_contract
from octavo.workflows.drafting.fields import FieldDraft, type_of
from octavo.workflows.drafting.fixed_texts import LEAST_ROWS, fixed_pairs, fixed_texts, sections
from octavo.workflows.drafting.lists import ListColumn, PageList, lists_of
from octavo.workflows.drafting.names import column_name

# Most single fields of a draft, and the least share of the documents that must print one; of three documents or more at least two.
MOST_FIELDS, LEAST_SHARE = 60, 0.15
# Values by their place alone, and sections, are proposed where so many of the documents have one.
PLACED_SHARE = 0.6
# Columns of two documents are the same where their headers are so much alike, and lists where so many of the columns are.
ALIKE, SAME_COLUMNS = 0.85, 2
# Columns of a table of labels and their values.
COLUMNS_BESIDE = 2
# Most prints of one label.
MOST_LABELS = 6
# A text that is the same in all documents, at least so many, is part of the form where no colon or box makes it a value.
FIXED_DOCUMENTS = 3
_EDGES = re.compile(r"^[^\w#(%]+|[\s:;.,|=–—_*·>»]+$")
_COUNTED = re.compile(r"\d+[.)]")
_PLACED = {
    "name": FieldSpec(type=Kind.NAME, place=Place.TOP), "address": FieldSpec(type=Kind.ADDRESS, place=Place.AFTER_COMPANY),
    "email": FieldSpec(type=Kind.EMAIL, place=Place.TOP), "website": FieldSpec(type=Kind.URL, place=Place.TOP),
}
BY_PLACE = "its place alone says what it is"
SEVERAL_FIGURES = "some of its cells hold several figures"
BLOCK = "several lines stand below its label: is it the first of them, a name, or all of them, an address?"


@dataclass
class _Key:
    """A label over all documents: how it is printed, where on the pages, and its values by the number of the document."""

    prints: Counter[str] = field(default_factory=Counter)
    places: list[tuple[int, int]] = field(default_factory=list)
    values: defaultdict[int, list[str]] = field(default_factory=lambda: defaultdict(list))
    documents: set[int] = field(default_factory=set)
    marked: bool = False
    block: bool = False


@dataclass
class _Listed:
    """A list over all documents: its columns in their order, each with its headers and its cells by document, and which have it."""

    columns: list[tuple[Counter[str], defaultdict[int, list[str]]]]
    documents: set[int]


def propose(examples: Sequence[Example], locale: Locale) -> list[FieldDraft]:
    """The fields that enough of the documents show, in the order of their pages, lists last.

    Names are unlike each other, types follow from the values, and each field's ``values`` say what its documents print.
    """
    reader = any_contract("draft", locale)
    documents = [[View(page, reader) for page in example.pages] for example in examples]
    fixed = fixed_texts(documents)
    keys: dict[str, _Key] = defaultdict(_Key)
    lists: list[_Listed] = []
    headed: Counter[str] = Counter()
    for number, views in enumerate(documents):
        for at, view in enumerate(views):
            found = lists_of(view)
            tables = frozenset().union(*(one.words for one in found))
            summed = {word for one in found for total in one.sums for word in (*total.key.words, *total.value.words)}
            single = list(_pairs(view, tables | summed))
            for pair in (total for one in found for total in one.sums):
                _keep(keys, pair, number, (at, view.line_of[pair.key.words[0]]), marked=True)
            rowed, listed = _rowed(view, [pair for pair, boxed in single if not boxed])
            for one in (*found, *rowed):
                _add(lists, one, number)
            for pair, boxed in single:
                if pair not in listed:
                    _keep(keys, pair, number, (at, view.line_of[pair.key.words[0]]), marked=boxed)
            used = tables | summed | {word for pair, _ in single for word in (*pair.key.words, *pair.value.words)}
            for pair, block in fixed_pairs(view, fixed, used):
                _keep(keys, pair, number, (at, view.line_of[pair.key.words[0]]), block=block)
        rows: Counter[str] = Counter()
        for view in views:
            rows.update(dict(sections(view, fixed)))
        headed.update(title for title, times in rows.items() if times >= LEAST_ROWS)
    least = _least(len(examples))
    taken: list[str] = []
    firsts = [views[0] for views in documents if views]
    drafts = _by_place(firsts, taken)
    lists = [one for one in lists if len(one.documents) >= least]
    drafts += _singles({name: key for name, key in keys.items() if not _is_in(key, lists)}, least, len(examples), locale, taken)
    drafts += [_list(one, len(examples), locale, taken) for one in lists]
    _part_labels(drafts)
    if not lists:
        drafts += _sections(headed, firsts, taken)
    return drafts


def _least(documents: int) -> int:
    return 1 if documents < 3 else max(2, round(LEAST_SHARE * documents))


def _pairs(view: View, tables: Set[int]) -> Iterator[tuple[Pair, bool]]:
    """The labels of a page with their values, and whether a box or a colon parts both; those of its forms' boxes first."""
    boxed = [*_boxed(view, tables), *_beside(view, tables)]
    used = tables | {word for pair in boxed for word in (*pair.key.words, *pair.value.words)}
    yield from ((pair, True) for pair in boxed)
    for pair in pairs(view):
        if used.isdisjoint((*pair.key.words, *pair.value.words)):
            yield pair, view.page.words[pair.key.words[-1]].text.endswith(":")


def _boxed(view: View, tables: Set[int]) -> Iterator[Pair]:
    """The boxes of forms: a label in the first line, its value below. An empty box has a label alone, and a value without words."""
    for table in view.tables:
        if not table.ruled or not tables.isdisjoint(table.words):
            continue
        found = []
        for cell in table.cells:
            lines = [list(words) for _, words in groupby(cell.words, key=view.line_of.__getitem__)]
            label = trimmed(view.page, lines[0])
            with_colon = view.page.words[lines[0][-1]].text.endswith(":")
            if label is None or len(lines[0]) > LONGEST_LABEL or not reads_like_key(label.text) or with_colon:
                continue
            value = trimmed(view.page, [word for line in lines[1:] for word in line])
            found.append(Pair(label.printed, value.printed if value else Printed("", ())))
        if any(pair.value.text for pair in found):
            yield from found


def _beside(view: View, tables: Set[int]) -> Iterator[Pair]:
    """The rows of tables without a header that are labels with their values at the right, most of them figures."""
    for table in view.tables:
        if table.header_rows or len(table.xs) != COLUMNS_BESIDE + 1 or 1 not in table.figures or not tables.isdisjoint(table.words):
            continue
        for row in range(len(table.ys) - 1):
            cells = [trimmed(view.page, cell.words) for cell in table.row(row) if cell.rows[0] == row]
            if len(cells) == COLUMNS_BESIDE and cells[0] and cells[1] and reads_like_key(cells[0].text):
                yield Pair(cells[0].printed, cells[1].printed)


def _rowed(view: View, found: Sequence[Pair]) -> tuple[list[PageList], set[Pair]]:
    """Lists whose rows hang on labels that stand in one line, with several values each; and the pairs that they take."""
    values: dict[tuple[int, ...], list[Pair]] = defaultdict(list)
    for pair in found:
        values[pair.key.words].append(pair)
    several = [own for own in values.values() if len(own) > 1]
    several.sort(key=lambda own: (view.line_of[own[0].key.words[0]], view.page.words[own[0].key.words[0]].box.x0))
    lists, taken = [], set[Pair]()
    for _, line in groupby(several, key=lambda own: view.line_of[own[0].key.words[0]]):
        columns = list(line)
        texts = [[pair.value.text for pair in own] for own in columns]
        if len(columns) < SAME_COLUMNS or not any(2 * sum(map(is_figure, own)) > len(own) for own in texts):
            continue
        made = (ListColumn(own[0].key.text, dict(enumerate(cells))) for own, cells in zip(columns, texts, strict=True))
        lists.append(PageList(tuple(made), frozenset()))
        taken.update(pair for own in columns for pair in own)
    return lists, taken


def _keep(keys: dict[str, _Key], pair: Pair, number: int, place: tuple[int, int], *, marked: bool = False, block: bool = False) -> None:
    label = _label(pair.key.text)
    if not label:
        return
    key = keys[squeeze(label)]
    key.prints[label] += 1
    key.places.append(place)
    key.documents.add(number)
    key.marked |= marked
    key.block |= block
    if text := pair.value.text.rstrip(" -–"):
        key.values[number].append(text)


def _label(text: str) -> str:
    """A key as a label: without the date or number at its end, and without marks around it; empty for a name or a counted heading."""
    words = _EDGES.sub("", text).split()
    while len(words) > 1 and any(map(str.isdigit, words[-1])):
        words.pop()
    label = _EDGES.sub("", " ".join(words))
    if _COUNTED.match(label) or has_legal_form(label):
        return ""
    letters, digits = sum(map(str.isalpha, label)), sum(map(str.isdigit, label))
    return label if letters >= 2 and letters > 2 * digits and len(words) <= LONGEST_LABEL else ""


def _singles(keys: dict[str, _Key], least: int, documents: int, locale: Locale, taken: list[str]) -> list[FieldDraft]:
    values = {squeeze(text) for key in keys.values() for own in key.values.values() for text in own}
    good = [
        (name, key) for name, key in keys.items()
        if len(key.values) >= least and (key.marked or (name not in values and not _is_fixed(key)))
    ]
    good.sort(key=lambda one: -len(one[1].documents))
    kept = sorted(good[:MOST_FIELDS], key=lambda one: min(one[1].places))
    drafts = []
    for _, key in kept:
        label = key.prints.most_common(1)[0][0]
        texts = [own[0] for own in key.values.values()]
        spans = [list(parser(locale).dates(text)) for text in texts]
        ends = ("from", "to") if all(len(found) == 2 for found in spans) else ("",) # a period: two dates behind one label
        for at, end in enumerate(ends):
            name = column_name(f"{label} {end}", taken)
            taken.append(name)
            kind = Kind.DATE if end else type_of(f"{name} {label}", texts, locale)
            parts = {number: [_part(text, at, locale) if end else text for text in own] for number, own in key.values.items()}
            drafts.append(FieldDraft(
                name, kind, labels=_once(key.prints), in_all=len(parts) == documents, of=len(parts), values=parts,
                doubt=BLOCK if key.block else "",
            ))
    return drafts


def _once(prints: Counter[str]) -> list[str]:
    """The most frequent prints of a label, of those that count as the same the first."""
    first: dict[str, str] = {}
    for text, _ in prints.most_common():
        first.setdefault(normalise(text), text)
    return list(first.values())[:MOST_LABELS]


def _part(text: str, at: int, locale: Locale) -> str:
    """The date of a period's text that is its first or second."""
    spans = list(parser(locale).dates(text))
    return text[spans[at].start:spans[at].end] if at < len(spans) else text


def _sections(headed: Counter[str], views: Sequence[View], taken: list[str]) -> Iterator[FieldDraft]:
    """Without any table: the sections whose lines have a text and a period, and the headings of the first page."""
    least = PLACED_SHARE * len(views)
    for title, times in headed.items():
        if times >= least:
            columns = [FieldDraft(name, Kind.TEXT, of=times, doubt=BY_PLACE) for name in ("text", "period")]
            name = column_name(title, taken)
            taken.append(name)
            yield FieldDraft(name, Kind.LIST, labels=[title], of=times, fields=columns)
    found = sum(bool(headings(view)) for view in views)
    if found >= least:
        each = FieldDraft("title", Kind.TEXT, place=Place.HEADING, of=found, doubt=BY_PLACE)
        yield FieldDraft(column_name("sections", taken), Kind.LIST, fields=[each], of=found)


def _is_in(key: _Key, lists: Sequence[_Listed]) -> bool:
    """Whether the values of a key are all cells of a list's column: a row was taken for a label with its value."""
    own = {squeeze(text) for text in key.prints}
    columns = [values for one in lists for labels, values in one.columns if not own.isdisjoint(map(squeeze, labels))]
    return any(all(set(texts) <= set(values.get(number, ())) for number, texts in key.values.items()) for values in columns)


def _part_labels(drafts: Sequence[FieldDraft]) -> None:
    """Give each field the labels of others that begin with one of its own as ``not_labels``."""
    labels = {normalise(label): label for draft in drafts for label in draft.labels}
    for draft in drafts:
        own = {normalise(label) for label in draft.labels}
        draft.not_labels = [
            label for key, label in labels.items() if key not in own and any(key.startswith(short) for short in own)
        ]


def _is_fixed(key: _Key) -> bool:
    """Whether what stands by a key is the same text wherever it stands: a piece of the form, not a value."""
    texts = {squeeze(text) for own in key.values.values() for text in own}
    return len(key.values) >= FIXED_DOCUMENTS and len(texts) == 1 and not any(map(str.isdigit, next(iter(texts))))


def _by_place(views: Sequence[View], taken: list[str]) -> list[FieldDraft]:
    """Values without a label at the top of most documents: nobody but a person can say what they are."""
    drafts = []
    for name, spec in _PLACED.items():
        found = sum(bool(placed(view, spec)) for view in views)
        if views and found >= PLACED_SHARE * len(views):
            taken.append(name)
            drafts.append(FieldDraft(name, spec.type, place=spec.place, of=found, doubt=BY_PLACE))
    return drafts


def _add(lists: list[_Listed], found: PageList, number: int) -> None:
    """Add a page's list to the one that has its columns, else as a new one."""
    for one in lists:
        same = [_column_like(one, column.label) for column in found.columns]
        if sum(at is not None for at in same) >= min(SAME_COLUMNS, len(found.columns)):
            break
    else:
        one, same = _Listed([], set()), [None] * len(found.columns)
        lists.append(one)
    matched = {id(one.columns[at]) for at in same if at is not None}
    targets = [one.columns[at] if at is not None else None for at in same]
    before = 0
    for number_of, (column, target) in enumerate(zip(found.columns, targets, strict=True)):
        if target is None:
            after = next((one.columns.index(later) for later in targets[number_of + 1:] if later is not None), len(one.columns))
            figures = _are_figures(column.texts.values())
            between = [held for held in one.columns[before:after] if id(held) not in matched and _are_figures(_texts(held[1])) == figures]
            if len(between) == 1 and number not in between[0][1]:
                target = between[0]
            else:
                target = (Counter(), defaultdict(list))
                one.columns.insert(before, target)
            matched.add(id(target))
        target[0][column.label] += 1
        target[1][number].extend(column.texts.values())
        before = one.columns.index(target) + 1
    one.documents.add(number)


def _texts(values: Mapping[int, Sequence[str]]) -> list[str]:
    return [text for own in values.values() for text in own]


def _are_figures(texts: Collection[str]) -> bool:
    """Whether most of a column's texts are figures."""
    return 2 * sum(map(is_figure, texts)) > len(texts)


def _column_like(one: _Listed, label: str) -> int | None:
    """The column of a list whose header is, but for a few characters, this one."""
    wanted = normalise(label)
    headers = ((at, normalise(other)) for at, (labels, _) in enumerate(one.columns) for other in labels)
    best = max(((Levenshtein.normalized_similarity(wanted, other), -at) for at, other in headers), default=(0.0, 0))
    return -best[1] if best[0] >= ALIKE else None


def _list(one: _Listed, documents: int, locale: Locale, taken: list[str]) -> FieldDraft:
    names: list[str] = []
    columns = []
    for labels, values in one.columns:
        label = labels.most_common(1)[0][0]
        texts = _texts(values)
        name = column_name(label, names)
        names.append(name)
        kind = type_of(f"{name} {label}", texts, locale)
        several = kind in (Kind.TEXT, Kind.NAME, Kind.IDENTIFIER) and _are_figures(texts) and len({len(text.split()) for text in texts}) > 1
        columns.append(FieldDraft(
            name, kind, doubt=SEVERAL_FIGURES if several else "", labels=_once(labels), of=len(values),
            values=dict(values),
        ))
    name = column_name("items", taken)
    taken.append(name)
    return FieldDraft(name, Kind.LIST, in_all=len(one.documents) == documents, of=len(one.documents), fields=columns)
