"""What ``octavo contracts`` prints: drafts, and what a contract makes of documents."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from octavo.cli import output
from octavo.model.contracts import Contract, Kind
from octavo.model.entities import Outcome, Verdict
from octavo.page.layout import PageLayout
from octavo.page.tables import tables_of
from octavo.views import trial
from octavo.views.document import notes_of
from octavo.workflows.drafting import Draft, FieldDraft


def draft(console: Console, drafted: Draft) -> None:
    """The fields of a draft: type, labels, what the examples have of each, and why nothing of it is accepted."""
    table = Table()
    for name in ("field", "type", "labels", "gets" if drafted.told else "in", "accepts nothing, because"):
        table.add_column(name, overflow="fold")
    for path, one in _drafted(drafted.fields, ""):
        labels = ", ".join(one.labels) or (f"at {one.place}" if one.place else "" if one.fields else "no label found")
        share = f"{one.gets} of {one.of}" if drafted.told and not one.fields else str(one.of)
        table.add_row(escape(path), one.type, escape(labels), share, escape(one.doubt))
    console.print(table)


def _drafted(fields: Sequence[FieldDraft], prefix: str) -> Iterator[tuple[str, FieldDraft]]:
    for one in fields:
        yield f"{prefix}{one.name}", one
        yield from _drafted(one.fields, f"{prefix}{one.name}{'[]' if one.type is Kind.LIST else ''}.")


def tried(console: output.CleanConsole, contract: Contract, document: trial.TriedDocument, as_json: bool) -> None:
    """A document that a contract was tried on: its pages, the labels, what was found, and what nobody took."""
    tables = [tables_of(page) for page in document.pages]
    if as_json:
        own = [
            [output.page_table(page, number, table) for number, table in enumerate(found, 1)]
            for page, found in zip(document.pages, tables, strict=True)
        ]
        console.json(trial.as_json(document, own))
        return
    view = document.view
    ended = f"{view.status} {view.reason or ''}".rstrip()
    console.rule(escape(f"{view.uri}: {view.pages} {'page' if view.pages == 1 else 'pages'}, {ended}"), align="left")
    frames = {frame["page"]: frame for frame in document.frames}
    for page, found in zip(document.pages, tables, strict=True):
        frame = frames.pop(page.number)
        sure = f", read with confidence {frame['mean_confidence']:.2f}" if frame["mean_confidence"] is not None else ""
        counted = f"page {page.number}: {len(page.words)} words from {frame['text_source']}{sure}, {len(found)} tables"
        console.print(f"[bold]{escape(counted)}[/bold]", highlight=False)
        for note in notes_of(frame):
            console.print(escape(f"  {note}"), highlight=False)
        for line in PageLayout(page).lines:
            console.print(escape("  " + " | ".join(part.text for part in line.segments)), highlight=False, soft_wrap=True)
        for number, table in enumerate(found, 1):
            output.print_table(console, page, number, table)
    for frame in frames.values():
        if frame["outcome"] == Outcome.QUARANTINED:
            console.print(f"page {frame['page']} was not read: {frame['reason']}", highlight=False)
    console.print(_labels(document))
    for record in view.records or [None]:
        output.heading(console, record)
        console.print(_found(contract, document, record.number if record else None))
    if view.claimable is not None:
        console.print(f"in no field: {len(view.unclaimed)} of {view.claimable} tables, columns and labelled values", highlight=False)
    for part in view.unclaimed:
        console.print(escape(f"  page {part['page']}  {part['kind']}  {part['text']}"), highlight=False, soft_wrap=True)


def _labels(document: trial.TriedDocument) -> Table:
    table = Table(title="labels", title_justify="left")
    for name in ("field", "label", "printed", "right of it", "below it"):
        table.add_column(name, overflow="fold")
    for one in document.labels:
        field = escape(one.field)
        for at in one.printed:
            misread = f" as “{at.text}”" if at.text.strip(" :").casefold() != at.label.casefold() else ""
            place = f"page {at.page} at {at.box.x0},{at.box.y0}{misread}"
            table.add_row(field, *map(escape, (at.label, place, at.right, at.below)))
            field = ""
        if one.note:
            table.add_row(field, "", f"[yellow]{escape(one.note)}[/yellow]", "", "")
            field = ""
        for label, why in one.missed:
            table.add_row(field, escape(label), f"[red]no[/red]: {escape(why)}", "", "")
            field = ""
    return table


def _found(contract: Contract, document: trial.TriedDocument, record: int | None) -> Table:
    table = Table(title="found", title_justify="left")
    for name in ("field", "value", "verdict", "confidence", "page", "why", "instead of"):
        table.add_column(name, overflow="fold")
    fields = [one for one in document.view.fields if one.record == record and one.value is not None and one.matched]
    for one in fields:
        colour = output.COLOURS.get(Verdict(one.verdict), "yellow")
        sure = "" if one.confidence is None else str(one.confidence)
        why, losers = escape(one.reason), escape(output.losers(one.losers))
        verdict = f"[{colour}]{one.verdict}[/{colour}]"
        table.add_row(escape(one.path), escape(one.value or ""), verdict, sure, str(one.page or ""), why, losers)
    for name in trial.missing(contract, fields):
        table.add_row(escape(name), "", "[red]nothing found[/red]", "", "", "", "")
    return table
