"""A document that is several records: from its words to tables, review, corrections and what people see of them."""

from __future__ import annotations

import json
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from upath import UPath

from octavo.merging.merge_files import merge
from octavo.model.contracts import Contract
from octavo.model.entities import Partition, Verdict, name_of
from octavo.model.settings import Settings
from octavo.storage import fs
from octavo.storage.corrections import CorrectionStore
from octavo.storage.lake import Lake
from octavo.views import document as views
from octavo.views import html, queue
from octavo.views.sources import DocumentDay
from octavo.workflows import forget, pipeline, review
from tests.command_line import octavo
from tests.documents import text_pdf
from tests.grid import page
from tests.history import DAYS
from tests.test_contract_examples import fields_of, records_of

STARTS = {"starts": r"Statement no\. \d+"}
DAY = Partition("statement", DAYS[0])
FIELDS: dict[str, Any] = {
    "number": {"type": "identifier", "labels": ["Statement no."], "required": True},
    "opening": {"type": "money", "labels": ["Opening balance"]},
    "closing": {"type": "money", "labels": ["Closing balance"], "required": True},
}


def contract(record_per: Any = STARTS, **keys: Any) -> Contract:
    return Contract.model_validate({
        "name": "statement", "title": "Statements", "fields": FIELDS, "record_per": record_per, "accept_at": 0, **keys,
    })


def first(number: int, opening: str, closing: str = "") -> list[str]:
    rest = [f"Closing balance: {closing}"] if closing else []
    return ["Harbour Savings Bank", f"Statement no. {number}", f"Opening balance: {opening}", *rest]


# Three statements in one file; the second goes on over the page.
THREE = [first(41007, "100.00", "80.50"), first(41008, "80.50"), ["Page 2 of 2", "Closing balance: 42.10"], first(41009, "42.10", "99.90")]


def run(root: Path, pages: list[list[str]], used: Contract, **others: list[list[str]]) -> Settings:
    """The settings of a lake with one published day of a PDF, and of others by name."""
    folder = root / "landing" / f"{DAY.day:%Y/%m/%d}"
    folder.mkdir(parents=True)
    for name, content in {"batch": pages, **others}.items():
        text_pdf(folder / f"{name}.pdf", content)
    (root / "contracts").mkdir()
    keep(root, used)
    settings = Settings(lake=str(root / "lake"), processes=1, contracts=str(root / "contracts"))
    result = pipeline.run_day(used, UPath(folder), DAY.day, settings)
    assert result.published, result.error
    return settings


def keep(root: Path, used: Contract) -> None:
    (root / "contracts" / "statement.yaml").write_text(json.dumps(used.model_dump(mode="json", exclude_defaults=True)))


def rows(settings: Settings, table: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = fs.read_table(Lake(UPath(settings.lake)).table(table, DAY)).to_pylist()
    return found


def balances(settings: Settings) -> list[tuple[Any, ...]]:
    return [(row["record"], row["number"], row["opening"], row["closing"]) for row in rows(settings, "statement")]


PUBLISHED = [
    (1, "41007", Decimal("100.00"), Decimal("80.50")), (2, "41008", Decimal("80.50"), Decimal("42.10")),
    (3, "41009", Decimal("42.10"), Decimal("99.90")),
]


@pytest.fixture(scope="module")
def three(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """A published day of three statements in one file."""
    return run(tmp_path_factory.mktemp("three"), THREE, contract())


def test_three_statements_in_one_file_are_three_rows_with_their_pages(three: Settings) -> None:
    assert balances(three) == PUBLISHED
    assert [(row["first_page"], row["last_page"]) for row in rows(three, "statement")] == [(1, 1), (2, 3), (4, 4)]
    assert [(row["page"], row["record"]) for row in rows(three, "pages")] == [(1, 1), (2, 2), (3, 2), (4, 3)]
    assert {(row["record"], row["page"]) for row in rows(three, "fields")} == {(1, 1), (2, 2), (2, 3), (3, 4)}
    assert {row["verdict"] for row in rows(three, "fields")} == {"accepted"}
    assert rows(three, "review") == []
    assert [row["unclaimed"] for row in rows(three, "documents")] == [0]


def test_every_document_of_a_day_has_its_own_records(tmp_path: Path) -> None:
    settings = run(tmp_path, THREE, contract(), second=[first(50001, "1.00", "2.00"), first(50002, "2.00", "3.00")], third=[THREE[0]])
    names = {row["document"]: Path(row["uri"]).stem for row in rows(settings, "documents")}
    found: dict[str, list[int]] = {}
    for row in rows(settings, "statement"):
        found.setdefault(names[row["document"]], []).append(row["record"])
    assert found == {"batch": [1, 2, 3], "second": [1, 2], "third": [1]}
    ends = {(row["level"], row["outcome"], row["reason"]) for row in rows(settings, "ledger") if row["level"] in ("document", "run")}
    assert ends == {("document", "ok", None), ("run", "ok", None)}
    assert {row["status"] for row in rows(settings, "documents")} == {"ok"}


def test_a_document_that_takes_too_long_is_one_empty_record_of_all_its_pages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OCTAVO_LIMIT_DOCUMENT_SECONDS", "0.000001")
    settings = run(tmp_path, THREE, contract(), second=[THREE[0]])
    whole = [(row["record"], row["first_page"], row["last_page"], row["number"]) for row in rows(settings, "statement")]
    assert sorted(whole) == [(1, 1, 1, None), (1, 1, 4, None)]
    assert {(row["status"], row["reason"]) for row in rows(settings, "documents")} == {("partial", "timeout")}
    assert {(row["record"], row["field"]) for row in rows(settings, "review")} == {(1, "number"), (1, "closing")}


@pytest.mark.parametrize(("record_per", "ranges"), [
    pytest.param("page", [(1, 1), (2, 2), (3, 3), (4, 4)], id="page"),
    pytest.param(STARTS, [(1, 1), (2, 3), (4, 4)], id="starts"),
])
def test_a_documents_pages_are_cut_into_records(record_per: Any, ranges: list[tuple[int, int]]) -> None:
    made = records_of(contract(record_per), *(page("\n".join(lines), number) for number, lines in enumerate(THREE, 1)))
    assert [(one.at.first_page, one.at.last_page) for one in made if one.at] == ranges
    assert [one.at.record for one in made if one.at] == list(range(1, len(ranges) + 1))


@pytest.mark.parametrize(("starts", "ranges", "doubts"), [
    pytest.param(r"Statement no\. (?P<number>\d+)", [(1, 2), (3, 4), (5, 5)], [0, 0, 1], id="by its number"),
    pytest.param(r"Statement no\. \d+", [(1, 1), (2, 2), (3, 3), (4, 4), (5, 5)], [0, 0, 1, 0, 1], id="at each line"),
])
def test_a_line_on_every_page_starts_a_record_where_what_its_group_names_changes(
    starts: str, ranges: list[tuple[int, int]], doubts: list[int],
) -> None:
    numbers = ([1], [1], [2, 2], [2], [3, 4])
    drawn = ["\n".join(f"Statement no. {number}" for number in on_page) for on_page in numbers]
    made = records_of(contract({"starts": starts}), *(page(text, number) for number, text in enumerate(drawn, 1)))
    assert [(one.at.first_page, one.at.last_page) for one in made if one.at] == ranges
    assert [len(one.problems) for one in made] == doubts


def test_a_page_that_repeats_what_tells_its_record_has_no_top_of_its_own() -> None:
    tops = (("Harbour Savings Bank Ltd", 1), ("Oakum Removals Ltd", 1), ("Tern Building Society Ltd", 2))
    drawn = [f"{name}\nStatement no. {number}" for name, number in tops]
    used = contract({"starts": r"Statement no\. (?P<number>\d+)"}, fields={"bank": {"type": "name", "place": "top"}})
    made = records_of(used, *(page(text, number) for number, text in enumerate(drawn, 1)))
    found = [(one.at.first_page, one.at.last_page, field.value, field.verdict) for one in made if one.at for field in one.fields]
    assert found == [(1, 2, "Harbour Savings Bank Ltd", Verdict.ACCEPTED), (3, 3, "Tern Building Society Ltd", Verdict.ACCEPTED)]


@pytest.mark.parametrize("record_per", ["page", STARTS])
def test_pages_without_words_begin_no_record(record_per: Any) -> None:
    drawn = [[], THREE[0], [], THREE[3]]
    made = records_of(contract(record_per), *(page("\n".join(lines), number) for number, lines in enumerate(drawn, 1)))
    assert [(one.at.first_page, one.at.last_page) for one in made if one.at] == [(1, 3), (4, 4)]
    assert [one.problems for one in made] == [(), ()]


@pytest.mark.parametrize(("lost", "said"), [
    pytest.param(1, "page 1 could not be read: a record may begin on it", id="before pages that begin none"),
    pytest.param(2, "page 2 could not be read: a record may begin on it", id="between"),
    pytest.param(3, None, id="at the end, where nothing of the record follows"),
])
def test_a_page_that_could_not_be_read_leaves_doubt_about_what_follows(lost: int, said: str | None) -> None:
    drawn = [THREE[1], ["Page 2"], ["Closing balance: 42.10"]]
    pages = [page("\n".join(lines), number) for number, lines in enumerate(drawn, 1)]
    pages[lost - 1] = replace(pages[lost - 1], width=0, height=0, words=())
    [made] = records_of(contract(), *pages)
    assert (said in made.problems) if said else made.problems == ()
    left_out = records_of(contract(pages=",".join(str(number) for number in (1, 2, 3) if number != lost)), *pages)
    assert said not in left_out[0].problems, "a page that is not wanted begins no record"


def test_a_contract_of_one_record_a_document_takes_all_of_it_and_numbers_nothing() -> None:
    pages = [page("\n".join(lines), number) for number, lines in enumerate(THREE, 1)]
    made = records_of(contract("document"), *pages)
    assert [one.at for one in made] == [None]
    assert made[0].fields == fields_of(contract("document"), *pages)
    assert {one.record for one in made[0].fields} == {None}


def test_each_record_has_its_own_top() -> None:
    fields = {"bank": {"type": "name", "place": "top"}}
    lines = [["Harbour Savings Bank Ltd", "Statement no. 1"], ["Northern Credit Bank Ltd", "Statement no. 2"]]
    made = records_of(contract(fields=fields), *(page("\n".join(one), number) for number, one in enumerate(lines, 1)))
    found = [[(field.value, field.verdict) for field in one.fields if field.matched] for one in made]
    assert found == [[("Harbour Savings Bank Ltd", "accepted")], [("Northern Credit Bank Ltd", "accepted")]]


def test_match_is_asked_of_each_record() -> None:
    made = records_of(contract("page", match=["Statement"]), page("\n".join(THREE[0]), 1), page("Total 12.00\nClosing balance: 7.00", 2))
    assert [one.is_of_kind for one in made] == [True, False]
    assert [field.verdict for field in made[1].fields if field.matched and field.value] == ["ambiguous"]


@pytest.mark.parametrize(("pages", "record", "said"), [
    pytest.param([["Dear customer", "Closing balance: 1.00"], *THREE], 1, "page 1 has no line that the contract's `starts` finds",
                 id="pages before the first start"),
    pytest.param([["Dear customer", "Closing balance: 1.00"], ["Yours"]], 1, "pages 1 to 2 have no line", id="no start at all"),
    pytest.param([THREE[0], [*THREE[3], "", "Statement no. 41010"]], 2, "page 2 has starts of 2 records", id="a second start on one page"),
])
def test_a_record_of_doubtful_bounds_is_in_review_and_nothing_of_it_is_accepted(
    pages: list[list[str]], record: int, said: str, tmp_path: Path,
) -> None:
    settings = run(tmp_path, pages, contract())
    [row] = [row for row in rows(settings, "review") if row["field"] == "document"]
    assert (row["record"], row["reason"][:len(said)]) == (record, said)
    verdicts = {(row["record"], row["verdict"]) for row in rows(settings, "fields") if row["value"]}
    assert "accepted" not in {verdict for number, verdict in verdicts if number == record}
    assert {verdict for number, verdict in verdicts if number != record} <= {"accepted"}


def corrected(root: Path, monkeypatch: pytest.MonkeyPatch, record_per: Any = STARTS) -> Settings:
    """A published day whose second statement does not say its closing balance, and the words for the command line."""
    settings = run(root, [THREE[0], THREE[1], THREE[3]], contract(record_per))
    monkeypatch.setenv("OCTAVO_CONTRACTS", settings.contracts)
    monkeypatch.setenv("OCTAVO_LAKE", settings.lake)
    return settings


def done(*arguments: str) -> str:
    result = octavo(*arguments)
    assert result.exit_code == 0, result.output
    return str(result.stdout)


def test_what_a_record_lacks_is_asked_of_it_and_answered_for_it_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = corrected(tmp_path, monkeypatch)
    [asked] = [json.loads(line) for line in done("review", "--json").splitlines()]
    assert (asked["record"], asked["field"], asked["reason"]) == (2, "closing", "required, but nothing was found")
    [item] = queue.load(settings, {"statement"}, queue.Wanted()).items
    assert (item.record, item.label) == (2, "2:closing")
    assert "2:closing: 42.10 (corrected, was empty)" in done("review", "batch.pdf", "--set", "2:closing=42.10", "--by", "ann")
    done("review", "batch.pdf", "--set", "3:opening=", "--by", "ann")
    assert json.loads(done("review", "--json"))["correction"]["value"] == "42.10"
    assert queue.load(settings, {"statement"}, queue.Wanted()).items == ()
    done("remerge", "statement")
    assert balances(settings) == [PUBLISHED[0], (2, "41008", Decimal("80.50"), Decimal("42.10")), (3, "41009", None, Decimal("99.90"))]
    assert [(row["record"], row["field"], row["value"]) for row in rows(settings, "corrections")] == [
        (2, "closing", "42.10"), (3, "opening", None)]
    assert rows(settings, "review") == []


def test_a_form_asks_for_the_fields_of_each_record(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = corrected(tmp_path, monkeypatch)
    lake, store = Lake(UPath(settings.lake)), CorrectionStore(settings.correction_store)
    [about] = review.cases(lake, store, "statement", None, 10)
    [asked] = review.form(lake, store, about)
    desk = review.Desk(lake, store, contract(), about, "ann")
    desk.keep(desk.answers({name_of(asked["record"], asked["field"]): "42.10", "1:closing": "80.50", "3:closing": "9.00"}))
    assert review.form(lake, store, about) == []
    done("remerge", "statement")
    assert [row["closing"] for row in rows(settings, "statement")] == [Decimal("80.50"), Decimal("42.10"), Decimal("9.00")]
    kept = [(row["record"], row["action"]) for row in rows(settings, "corrections")]
    assert kept == [(1, "confirmed"), (2, "corrected"), (3, "corrected")]


def test_a_pattern_that_never_ends_starts_no_record(tmp_path: Path) -> None:
    """A pattern is let go after half a second on a line; what it might have found is in doubt, and said to be."""
    [made] = records_of(contract({"starts": "(a+)+$"}), page(f"Closing balance: 7.00\n{'a' * 40}b"))
    assert made.problems == ("page 1 has no line that the contract's `starts` finds: this may be no record, or the rest of one",)


def test_a_field_of_no_record_is_refused_with_the_records_that_there_are(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = corrected(tmp_path, monkeypatch)
    for name in ("closing", "4:closing"):
        refused = octavo("review", "batch.pdf", "--set", f"{name}=1.00")
        assert refused.exit_code != 0
        assert "it has 1, 2, 3: name its fields as in 2:total" in refused.output
    keep(tmp_path, contract("document"))
    done("remerge", "statement")
    assert "one only, which has no number" in octavo("review", "batch.pdf", "--set", "2:closing=1.00").output
    assert balances_of_one(settings) == [Decimal("80.50")]


def balances_of_one(settings: Settings) -> list[Decimal]:
    return [row["closing"] for row in rows(settings, "statement")]


def test_a_correction_follows_its_record_by_its_first_page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Said while the document was one record, it is of the first; of a record that is none any more, it waits for one that begins there."""
    settings = corrected(tmp_path, monkeypatch, "document")
    done("review", "batch.pdf", "--set", "closing=11.00", "--by", "ann", "--apply")
    keep(tmp_path, contract("page"))
    done("remerge", "statement")
    assert [row["closing"] for row in rows(settings, "statement")] == [Decimal("11.00"), None, Decimal("99.90")]
    done("review", "batch.pdf", "--set", "3:closing=33.00", "--by", "ann", "--apply")
    keep(tmp_path, contract({"starts": "Statement no. 41(007|008)"}))
    done("remerge", "statement")
    assert [row["closing"] for row in rows(settings, "statement")] == [Decimal("11.00"), Decimal("99.90")]
    assert [(row["record"], row["value"]) for row in rows(settings, "corrections")] == [(1, "11.00"), (None, "33.00")]
    keep(tmp_path, contract({"starts": "Statement no. 41009"}))
    done("remerge", "statement")
    assert [(row["record"], row["closing"]) for row in rows(settings, "statement")] == [(1, Decimal("11.00")), (2, Decimal("33.00"))]


def test_a_preview_tells_records_apart(three: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "statement.yaml"
    changed = contract(fields={**FIELDS, "opening": {"type": "money", "labels": ["Closing balance"]}})
    path.write_text(json.dumps(changed.model_dump(mode="json", exclude_defaults=True)))
    found = json.loads(done("remerge", str(path), "--dry-run", "--json", "--lake", three.lake).splitlines()[-1])
    opened = [(one["record"], one["new_value"]) for one in found["changes"] if one["field"] == "opening" and one["new_value"]]
    assert opened == [(1, "80.50"), (2, "42.10"), (3, "99.90")]
    assert "batch.pdf  2:opening: 80.50 (accepted) → 42.10" in done("remerge", str(path), "--dry-run", "--lake", three.lake)


def test_only_the_record_that_fails_the_gate_is_held_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fields = {**FIELDS, "closing": {**FIELDS["closing"], "max": 50}, "number": {**FIELDS["number"], "unique": True}}
    used = contract(fields=fields, gate={"failing_rows": "review", "sums": [{"total": "closing", "parts": ["opening"], "tolerance": 40}]})
    settings = run(tmp_path, [*THREE, first(41009, "30.00", "31.00")], used)
    assert balances(settings) == [(2, "41008", Decimal("80.50"), Decimal("42.10"))]
    held = (Lake(UPath(settings.lake)).published(DAY) or {})["held"]
    [document] = held
    assert held == {document: {
        "1": ["closing is at most 50"], "3": ["closing = opening (within 40)", "closing is at most 50", "number is unique"],
        "4": ["number is unique"],
    }}
    said = {(row["record"], row["field"]) for row in rows(settings, "review")}
    assert said == {(1, "closing"), (3, "closing"), (3, "number"), (4, "number")}
    forget.erase(document, set(), settings)
    assert (Lake(UPath(settings.lake)).published(DAY) or {})["held"] == {}
    assert rows(settings, "fields") == []


def test_a_day_of_records_is_unchanged_until_somebody_says_something(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = corrected(tmp_path, monkeypatch)
    done("review", "batch.pdf", "--set", "2:closing=42.10", "--apply")
    before = {path.relative_to(settings.lake): path.read_bytes() for path in Path(settings.lake).glob("[a-z]*/*/*/part.parquet")
              if path.relative_to(settings.lake).parts[0] not in ("answers", "ledger")}
    done("remerge", "statement")
    assert {path: (Path(settings.lake) / path).read_bytes() for path in before} == before
    ledger = [row for row in rows(settings, "ledger") if row["level"] == "document"]
    assert {(row["outcome"], row["reason"]) for row in ledger} == {("ok", None)}


def test_people_see_which_record_a_value_is_of(three: Settings) -> None:
    shown = done("show", "batch.pdf", "--lake", three.lake)
    titles = ["record 1, page 1", "record 2, pages 2 to 3", "record 3, page 4"]
    assert sorted(titles, key=shown.index) == titles
    assert shown.index("record 2") < shown.index("41008") < shown.index("record 3") < shown.index("41009")
    fields = [json.loads(line) for line in done("show", "batch.pdf", "--lake", three.lake, "--json").splitlines()]
    assert [(one["record"], one["value"]) for one in fields if one["field"] == "closing"] == [(1, "80.50"), (2, "42.10"), (3, "99.90")]

    [document] = rows(three, "documents")
    place = DocumentDay(three, DAY)
    view = views.load(place, document["document"])
    assert [(one.title, one.row["number"]) for one in view.records] == list(zip(titles, ("41007", "41008", "41009"), strict=True))
    assert view.first_page("2:closing") == 3
    written = html.document("/octavo", view, views.load_page(place, document["document"], 3, three), 3, "2:closing", "/fields")
    assert "page 3 of 4, record 2, pages 2 to 3" in written
    assert written.count('name="field" value="2:closing"') == written.count("Fields of record 2, pages 2 to 3") == 1
    assert "field=2%3Aclosing" in written


def test_a_trial_shows_the_records_and_what_each_lacks(tmp_path: Path) -> None:
    path = text_pdf(tmp_path / "batch.pdf", [["Cover sheet"], *THREE[:2]])
    (tmp_path / "contracts").mkdir()
    keep(tmp_path, contract())
    used, lake = str(tmp_path / "contracts" / "statement.yaml"), str(tmp_path / "lake")
    shown = done("contracts", "try", used, str(path), "--lake", lake)
    assert "record 1, page 1\npage 1 has no line that the contract's `starts` finds" in shown
    assert shown.index("record 3, page 3") < shown.index("nothing found", shown.index("record 3, page 3"))
    tried = json.loads(done("contracts", "try", used, str(path), "--lake", lake, "--json"))
    assert [(one["number"], one["first_page"], one["last_page"]) for one in tried["records"]] == [(1, 1, 1), (2, 2, 2), (3, 3, 3)]
    assert [(one["record"], one["value"]) for one in tried["fields"] if one["path"] == "opening"] == [(2, "100.00"), (3, "80.50")]


def test_records_of_given_words_are_numbered(tmp_path: Path) -> None:
    words = [
        {"document": "d", "page": number, "text": word.text, "box": list(word.box), "confidence": 1.0, "source": "text_layer"}
        for number, lines in enumerate(THREE, 1) for word in page("\n".join(lines), number).words
    ]
    said = [{"document": "d", "page": number, "box": [0, 0, 1000, 1000], "extractor": "molmo", "hinted": False, "text": {"closing": value}}
            for number, value in ((1, "80.50"), (3, "42.10"), (4, "99.90"))]
    found = [one for one in merge(said, words, contract()) if one["field"] == "closing"]
    assert [(one["record"], one["page"], one["value"]) for one in found] == [(1, 1, "80.50"), (2, 3, "42.10"), (3, 4, "99.90")]
