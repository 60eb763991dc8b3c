"""A contract tried on documents: for each what its pages show, which labels they print, what was found, and what nobody took."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from rapidfuzz.distance import Levenshtein

from octavo.model.contracts import NESTED, Contract, FieldSpec, Kind
from octavo.model.entities import Box, Outcome, Page
from octavo.model.settings import Settings
from octavo.page.labels import Label, aligned, normalise
from octavo.page.level import unlevelled
from octavo.page.lines import Line
from octavo.page.view import View
from octavo.reading.store import published
from octavo.views import document as inspected
from octavo.views import html
from octavo.views.document import DocumentView, FieldView
from octavo.views.sources import DocumentDay, Row
from octavo.workflows.trial import ContractTrial

# A text so much like a label may be it, misread or spelt another way.
LIKE = 0.6
# Lines below a label in which its value may begin.
LINES_BELOW = 2


@dataclass(frozen=True, slots=True)
class PrintedLabel:
    """A place where a page prints a label, in pixels of the page, and what stands right of it and below it."""

    page: int
    label: str
    text: str
    box: Box
    right: str
    below: str


@dataclass(frozen=True, slots=True)
class FieldLabels:
    """What the pages print of a field's labels. ``missed`` has each label that no page prints, and why; ``note`` what else to know."""

    field: str
    printed: tuple[PrintedLabel, ...]
    missed: tuple[tuple[str, str], ...]
    note: str


@dataclass(frozen=True, slots=True)
class TriedDocument:
    """One document: as the pages of a run show it, its pages with words, where they were read, and its labels."""

    view: DocumentView
    place: DocumentDay
    frames: tuple[Row, ...]
    pages: tuple[Page, ...]
    labels: tuple[FieldLabels, ...]


def load(trial: ContractTrial, settings: Settings) -> Iterator[TriedDocument]:
    """The documents of a trial, in the order of their files.

    Args:
        settings: those that the trial was run with, whose reading store has the words.
    """
    place = DocumentDay(trial.settings, trial.partition, trial.run)
    for row in sorted(trial.rows("documents"), key=lambda row: row["uri"]):
        view = inspected.load(place, row["document"])
        view = replace(view, uri=trial.origins.get(view.uri, view.uri))
        frames = tuple(sorted(place.rows("pages", view.document), key=lambda frame: frame["page"]))
        chunks = place.rows("chunks", view.document)
        read = (
            published(settings.reading_store, view.document, frame, [one for one in chunks if one["page"] == frame["page"]])
            for frame in frames if frame["outcome"] != Outcome.QUARANTINED
        )
        pages = tuple(found[0] for found in read if found is not None)
        yield TriedDocument(view, place, frames, pages, tuple(_labels(trial.contract, pages, view)))


def _labels(contract: Contract, pages: Sequence[Page], view: DocumentView) -> Iterator[FieldLabels]:
    views = [View(page, contract) for page in pages]
    with_value = {one.path.split("[")[0] if "[" in one.path else one.path for one in view.fields if one.value is not None and one.matched}
    for path, spec in contract.leaves():
        if not spec.labels:
            continue
        printed = [(one, label) for one in views for label in one.prints[path]]
        names = {label.name for _, label in printed}
        missed = tuple((label, _why(label, spec, views)) for label in spec.labels if label not in names)
        listed = "[]" in path
        note = _note(spec.type, printed, path in with_value) if printed and not listed else ""
        yield FieldLabels(path, tuple(_printed(one, label) for one, label in printed), missed, note)


def _printed(view: View, label: Label) -> PrintedLabel:
    line = view.line_of[label.words[0]]
    part = view.segment_of[label.words[-1]]
    at = part.words.index(label.words[-1])
    text = view.page.words[label.words[-1]].text
    inside = " ".join([text[label.rest:], *(view.page.words[word].text for word in part.words[at + 1:])]).strip()
    right = inside.strip(" :") or next((other.text for other in view.lines[line].segments if other.box.x0 >= part.box.x1), "")
    below = _below(view.lines[line + 1:], label.box)
    return PrintedLabel(view.page.number, label.name, label.text, unlevelled(view.given, label.box), right, below)


def _below(lines: Sequence[Line], box: Box) -> str:
    """The nearest text in the column of a label."""
    return next((part.text for line in lines[:LINES_BELOW] for part in line.segments if aligned(box, part.box)), "")


def _note(kind: Kind, printed: Sequence[tuple[View, Label]], has_value: bool) -> str:
    if not any(view.leads(label) for view, label in printed):
        return "printed within a sentence only, where it may be no label"
    return "" if has_value else f"printed, but nothing right of it or below it is taken as {_named(kind)}"


def _named(kind: Kind) -> str:
    return f"an {kind}" if kind.value[0] in "aeiou" else f"a {kind}"


def _why(label: str, spec: FieldSpec, views: Sequence[View]) -> str:
    """Why no page prints a label: another one hides it, a gap parts its words, or the text that is most like it is another."""
    wanted = normalise(label)
    hides = [other for other in spec.not_labels if wanted in normalise(other)]
    best, nearest, number = LIKE, "", 0
    for view in views:
        for line in view.lines:
            if hides and any(normalise(other) in normalise(line.text) for other in hides):
                return f"hidden by one of not_labels on page {view.page.number}: {line.text}"
            whole = normalise(line.text)
            if wanted and wanted in whole and not any(wanted in normalise(part.text) for part in line.segments):
                parted = " | ".join(part.text for part in line.segments)
                return f"its words stand on page {view.page.number}, but a wide gap parts them: {parted}"
            for text in _windows(line, len(label.split())):
                alike = Levenshtein.normalized_similarity(wanted, normalise(text), score_cutoff=best)
                if alike > best:
                    best, nearest, number = alike, text, view.page.number
    return f"not printed; most like it is “{nearest}” on page {number}" if nearest else "not printed, nor anything like it"


def _windows(line: Line, count: int) -> Iterator[str]:
    """Runs of about so many words within the pieces of a line."""
    for part in line.segments:
        words = part.text.split()
        for length in range(max(1, count - 1), count + 2):
            yield from (" ".join(words[start:start + length]) for start in range(max(1, len(words) - length + 1)))


def missing(contract: Contract, fields: Sequence[FieldView]) -> list[str]:
    """The fields of the contract of which a record has no value, by path; a list by its own name. ``fields`` are those with a value."""
    found = {one.path for one in fields}
    names = []
    for path, spec in contract.leaves():
        name = path.partition("[]")[0] if "[]" in path else path
        has = any(one.startswith(f"{name}[") for one in found) if "[]" in path or spec.type in NESTED else name in found
        if not has and name not in names:
            names.append(name)
    return names


def as_json(tried: TriedDocument, tables: Sequence[Sequence[dict[str, Any]]]) -> dict[str, Any]:
    """A tried document as JSON has it; ``tables`` are those of each of its pages."""
    view = tried.view
    pages = [
        {
            "page": page.number, "width": page.width, "height": page.height, "tables": own,
            "words": [{"text": word.text, "box": word.box, "confidence": word.confidence, "source": word.source} for word in page.words],
        }
        for page, own in zip(tried.pages, tables, strict=True)
    ]
    labels = [
        {
            "field": one.field, "note": one.note or None, "printed": [asdict(at) for at in one.printed],
            "missed": [{"label": label, "why": why} for label, why in one.missed],
        }
        for one in tried.labels
    ]
    fields = [{**asdict(one), "confidence": None if one.confidence is None else float(one.confidence)} for one in view.fields]
    records = {"records": [html.plain(asdict(one)) for one in view.records]} if view.records else {}
    return {
        "file": view.uri, "document": view.document, "status": view.status, "reason": view.reason, "pages": pages, **records,
        "labels": labels, "fields": fields, "unclaimed": list(view.unclaimed),
    }
