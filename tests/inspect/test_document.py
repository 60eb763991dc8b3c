"""A document as people look at it: boxes, fields, places, and one file that holds it all."""

from __future__ import annotations

from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from octavo.cli import main
from octavo.model.entities import Box, CheckBox, Ruling
from octavo.model.settings import Settings
from octavo.storage.corrections import Action, Correction, CorrectionStore
from octavo.views import document, html, sources
from tests.inspect.conftest import DAY, HOSTILE, HOSTILE_NAME, Shelf

LETTER = {"letter"}


class Seen(HTMLParser):
    """The tags, attributes and text of a page, as a browser takes them."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: list[tuple[str, str]] = []
        self.text = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes += [(name, value or "") for name, value in attrs]

    def handle_data(self, data: str) -> None:
        self.text += data


def view(shelf: Shelf, which: str) -> tuple[sources.DocumentDay, document.DocumentView]:
    place = sources.find(shelf.settings, LETTER, which)
    assert place is not None
    return place, document.load(place, which)


def test_a_document_is_found_by_its_id_in_what_may_be_seen_and_nowhere_else(shelf: Shelf) -> None:
    place = sources.find(shelf.settings, LETTER, shelf.friendly)
    assert place is not None
    assert (place.partition.day, place.run) == (DAY, None)
    assert sources.find(shelf.settings, LETTER, shelf.friendly, "letter", DAY) == place
    nowhere = [
        sources.find(shelf.settings, {"receipt"}, shelf.friendly), sources.find(shelf.settings, LETTER, "0" * 64),
        sources.find(shelf.settings, LETTER, shelf.friendly[:12]), sources.find(shelf.settings, LETTER, "../" * 20),
        sources.find(shelf.settings, LETTER, shelf.friendly, "receipt"), sources.find(shelf.settings, LETTER, shelf.friendly, run=".."),
        sources.find(shelf.settings, LETTER, shelf.friendly, day=DAY.replace(day=5)),
    ]
    assert nowhere == [None] * 7


def test_fields_come_in_the_contracts_order_with_their_evidence_on_its_page(shelf: Shelf) -> None:
    place, shown = view(shelf, shelf.friendly)
    named = {field.path: field for field in shown.fields}
    assert [path for path in named if path in ("number", "remark", "total")] == ["number", "total"]
    assert (named["number"].evidence[0].page, named["total"].evidence[0].page) == (1, 2)
    assert shown.first_page("total") == 2
    assert shown.first_page("no such field") == shown.first_page(None) == 1
    page = document.load_page(place, shelf.friendly, 2, shelf.settings)
    assert page is not None
    inside = [word.text for word in page.words if word.rect.x >= named["total"].evidence[0].rect.x - 1 and word.text[0].isdigit()]
    assert inside == ["17.60"]
    assert page.picture is not None
    assert document.load_page(place, shelf.friendly, 3, shelf.settings) is None


def test_rulings_and_check_boxes_are_a_layer_that_is_off_at_first(shelf: Shelf) -> None:
    place, shown = view(shelf, shelf.friendly)
    page = document.load_page(place, shelf.friendly, 1, shelf.settings)
    assert page is not None
    page = replace(
        page, rulings=(document.RulingMark(100, 200, 700, 203, 2),),
        checks=(document.CheckMark(document.Rect(50, 60, 20, 20), "ticked"), document.CheckMark(document.Rect(50, 90, 20, 20), "empty")),
    )
    text = html.document("/octavo", shown, page, 1, None)
    assert '<line x1="100" y1="200" x2="700" y2="203" stroke-width="2"/>' in text
    assert text.count("<title>check box, ticked</title>") == text.count("<title>check box, empty</title>") == 1
    assert '<input type="checkbox" data-layer="lines"> lines and boxes' in text


def test_the_tables_of_a_page_are_a_layer_and_chunks_with_their_words_say_so(shelf: Shelf) -> None:
    place, shown = view(shelf, shelf.friendly)
    page = document.load_page(place, shelf.friendly, 1, shelf.settings)
    assert page is not None
    cell = document.CellMark(document.Rect(100, 200, 50, 20), "Item", head=True)
    table = document.TableMark(document.Rect(100, 200, 150, 80), 1, 4, 3, (cell,))
    chunk = document.ChunkMark(document.Rect(90, 190, 200, 100), 1, "Item", table=True)
    text = html.document("/octavo", shown, replace(page, tables=(table,), chunks=(chunk,)), 1, None)
    assert "<title>table 1: 4 rows, 3 columns</title>" in text
    assert '<rect class="head" x="100" y="200" width="50" height="20"><title>Item</title></rect>' in text
    assert "<title>chunk 1, with words of a table</title>" in text
    assert '<input type="checkbox" data-layer="tables"> tables' in text


def test_the_lines_of_a_published_page_are_shown(shelf: Shelf, monkeypatch: pytest.MonkeyPatch) -> None:
    place, _ = view(shelf, shelf.friendly)
    plain = document.published

    def lined(*arguments: Any) -> Any:
        page, picture = plain(*arguments)  # type: ignore[misc]  # it is kept
        return replace(page, rulings=(Ruling(1, 2, 30, 2, 1),), checks=(CheckBox(Box(5, 6, 15, 16), True),)), picture

    monkeypatch.setattr(document, "published", lined)
    page = document.load_page(place, shelf.friendly, 1, shelf.settings)
    assert page is not None
    assert page.rulings == (document.RulingMark(1, 2, 30, 2, 1),)
    assert page.checks == (document.CheckMark(document.Rect(5, 6, 10, 10), "ticked"),)


@pytest.mark.parametrize(("frame", "notes"), [
    ({"ocr_reason": None, "hidden_words": 0, "aside_words": 0}, []),
    ({}, []),  # a page of an earlier version
    ({"hidden_words": 1}, ["1 word of the PDF's text left out, because no viewer shows it"]),
    (
        {"ocr_reason": "scan", "hidden_words": 3, "aside_words": 2},
        [
            "recognised, because the PDF's own text is a few words on a scan",
            "3 words of the PDF's text left out, because no viewer shows them", "2 words at an angle to the lines left out",
        ],
    ),
])
def test_what_was_left_out_of_a_page_is_said(frame: dict[str, Any], notes: list[str]) -> None:
    assert list(document.notes_of(frame)) == notes


def test_a_page_whose_words_were_dropped_from_the_store_is_still_shown_without_them(shelf: Shelf, tmp_path: Path) -> None:
    place, _ = view(shelf, shelf.friendly)
    page = document.load_page(place, shelf.friendly, 1, Settings(lake=shelf.settings.lake, state=str(tmp_path)))
    assert page is not None
    assert (page.words_kept, page.words, page.picture) == (False, (), None)
    assert page.chunks


@pytest.mark.parametrize("page", [1, 2])
def test_nothing_in_a_documents_name_text_or_values_becomes_markup(shelf: Shelf, page: int) -> None:
    place, shown = view(shelf, shelf.hostile)
    kept = document.load_page(place, shelf.hostile, page, shelf.settings)
    texts = [html.document("/octavo", shown, kept, page, HOSTILE[0]), html.standalone(shown, [kept] if kept else [])]
    for text in texts:
        seen = Seen(text)
        assert HOSTILE_NAME in seen.text
        assert {"img", "iframe", "object", "base"} & seen.tags == set()
        assert [name for name, _ in seen.attributes if name.startswith("on")] == []
        links = [value for name, value in seen.attributes if name in ("href", "src")]
        assert [link for link in links if not link.startswith(("/octavo/", "#", "data:image/jpeg;base64,"))] == []
        assert seen.text.count("document.title=") >= (3 if page == 1 else 1)
    assert texts[0].count("<script") == texts[1].count("<script") == 1


def test_show_html_writes_one_file_that_loads_nothing(shelf: Shelf, tmp_path: Path) -> None:
    target = tmp_path / "out.html"
    done = CliRunner().invoke(main, ["show", "friendly.pdf", "--lake", shelf.settings.lake, "--html", str(target)])
    assert (done.exit_code, target.exists()) == (0, True), done.output
    text = target.read_text(encoding="utf-8")
    assert text.count("data:image/jpeg;base64,") == 2
    seen = Seen(text)
    assert {value.partition(":")[0] for name, value in seen.attributes if name in ("href", "src") and not value.startswith("#")} == {"data"}
    assert [value for name, value in seen.attributes if name == "content" and value.startswith("default-src 'none'; img-src data:;")]


def test_show_html_takes_one_document(shelf: Shelf, tmp_path: Path) -> None:
    done = CliRunner().invoke(main, ["show", ".pdf", "--lake", shelf.settings.lake, "--html", str(tmp_path / "out.html")])
    assert done.exit_code != 0
    assert not (tmp_path / "out.html").exists()


def test_show_tells_why_a_document_was_kept_out_and_what_people_said_of_another(shelf: Shelf) -> None:
    broken = CliRunner().invoke(main, ["show", "broken.pdf", "--lake", shelf.settings.lake])
    assert (broken.exit_code, "quarantined truncated" in broken.output) == (0, True), broken.output
    store = CorrectionStore(shelf.settings.correction_store)
    said = "2026-11-05T08:00:00+00:00"
    store.put(Correction("letter", shelf.hostile, "remark", "a [b]remark[/b]", None, Action.CORRECTED, (), None, "me", said))
    try:
        shown = CliRunner().invoke(main, ["show", shelf.hostile, "--lake", shelf.settings.lake]).output
    finally:
        store.remove(shelf.hostile)
    assert f"remark: a [b]remark[/b] (corrected by me, {said}; counts from the day's next run, or octavo remerge)" in shown
