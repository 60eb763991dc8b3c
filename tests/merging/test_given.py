"""Answers and words given from outside, as `octavo merge` takes them."""

from __future__ import annotations

import json

import pytest

from octavo.merging import merge_files
from octavo.model.errors import SettingsError
from tests.merging.pages import INVOICE, page

TEXT = "Invoice No  R-2018/0042\nTotal  53.40\nThanks"


def words(document="d"):
    return [
        {"document": document, "page": 1, "text": word.text, "box": list(word.box), "confidence": word.confidence, "source": "ocr"}
        for word in page(TEXT).words
    ]


def said(text, document="d", extractor="molmo", hinted=False):
    return {"document": document, "page": 1, "box": [0, 0, 400, 100], "extractor": extractor, "hinted": hinted, "text": text}


def test_one_object_per_field_with_evidence_and_losers():
    rows = list(merge_files.merge([said('{"total": ["53.40", "99.00"], "number": "R-2018/0042"}')], words(), INVOICE))
    assert [row["field"] for row in rows] == ["number", "total"]
    total = rows[1]
    assert (total["value"], total["support"], total["verdict"], total["page"]) == ("53.40", "exact", "accepted", 1)
    assert total["evidence"] == [[80, 30, 128, 42]]
    assert [(one["value"], one["reason"]) for one in total["losers"]] == [("99.00", "the page does not say it")]


@pytest.mark.parametrize("text", [
    pytest.param('{"total": 53.40}', id="plain"),
    pytest.param('```json\n{"total": "53.40"}\n```', id="fenced"),
    pytest.param('Here you are: {"total": "53.40"}', id="prose before"),
    pytest.param('{"total": "53.40", "number": "R-20', id="cut short"),
])
def test_what_a_model_says_is_parsed_with_numbers_as_written(text):
    assert merge_files.parse(text, INVOICE)["total"] == "53.40"


@pytest.mark.parametrize("text", [pytest.param("", id="nothing"), pytest.param("I cannot read this", id="prose")])
def test_what_holds_no_json_is_no_answer(text):
    assert merge_files.parse(text, INVOICE) == {}


def test_a_bare_list_is_the_only_lists_rows():
    assert merge_files.parse('[{"item": "Tea"}]', INVOICE) == {"lines": [{"item": "Tea"}]}


def test_documents_come_sorted_and_the_order_of_answers_does_not_matter():
    answers = [said('{"total": "53.40"}', d, e) for d in ("b", "a") for e in ("molmo", "other")]
    both = words("a") + words("b")
    rows = list(merge_files.merge(answers, both, INVOICE))
    assert [row["document"] for row in rows if row["field"] == "total"] == ["a", "b"]
    assert json.dumps(list(merge_files.merge(reversed(answers), both, INVOICE))) == json.dumps(rows)


DEEP = 1000
HOSTILE = {
    "nested a thousand deep": '{"total": ' + "[" * DEEP + "1" + "]" * DEEP + "}",
    "brackets without end": "{" * 200_000,
    "a key a thousand deep": '{"a": ' * DEEP + "1" + "}" * DEEP,
    "a digit without end": '{"total": "' + "9" * 1_000_000 + '"}',
    "a number of many digits": '{"total": ' + "1" * 5_000 + "}",
    "words without end": '{"issuer": "' + "abc " * 200_000 + '"}',
    "no number": '{"total": NaN, "net": -Infinity, "tax": 1e999999}',
    "half a surrogate pair": '{"total": "\\ud800", "\\udfff": "x"}',
    "odd keys": '{"": "1", "\\u0000": "2", " total ": "99.00", "lines[0].item": "3", "lines": {"0": {"item": null}}}',
    "other shapes": '{"total": {"value": {"value": [["99.00"]]}}, "lines": "Tea", "number": [{"a": 1}, [], true]}',
    "many values": json.dumps({"total": [f"{n}.99" for n in range(100, 2000)]}),
    "prose": "I am sorry, I cannot read this.",
    "nothing": "",
}


@pytest.mark.parametrize("text", [pytest.param(text, id=name) for name, text in HOSTILE.items()])
def test_a_hostile_answer_is_never_accepted_and_harms_no_other(text):
    rows = list(merge_files.merge([said(text), said('{"number": "R-2018/0042"}', extractor="other")], words(), INVOICE))
    printed = [json.dumps(row, ensure_ascii=False).encode() for row in rows]
    assert len(printed) == len(rows)
    assert [row["field"] for row in rows if row["verdict"] == "accepted"] == ["number"]
    assert all(row["support"] == "none" for row in rows if row["field"] in ("total", "issuer", "net"))


def test_a_key_that_comes_twice_keeps_both_its_values():
    rows = list(merge_files.merge([said('{"total": "99.00", "total": "53.40", "x": "a", "x": "b"}')], words(), INVOICE))
    total = next(row for row in rows if row["field"] == "total")
    assert [total["value"], *(one["value"] for one in total["losers"])] == ["53.40", "99.00"]
    assert [(row["field"], row["value"]) for row in rows if row["field"].startswith("x")] == [("x[0]", "a"), ("x[1]", "b")]


@pytest.mark.parametrize("box", [
    pytest.param([5, 5, 5, 5], id="empty"), pytest.param([400, 100, 0, 0], id="the wrong way round"),
    pytest.param([-900, -900, 9e9, 9e9], id="larger than the page"), pytest.param([7000, 7000, 8000, 8000], id="outside the page"),
])
def test_the_box_of_an_answer_gives_no_evidence_and_takes_none(box):
    total = list(merge_files.merge([{**said('{"total": "53.40"}'), "box": box}], words(), INVOICE))[-1]
    assert (total["verdict"], total["evidence"]) == ("accepted", [[80, 30, 128, 42]])
    made_up = list(merge_files.merge([{**said('{"total": "99.00"}'), "box": box}], words(), INVOICE))[-1]
    assert (made_up["verdict"] in ("unsupported", "unreadable"), made_up["evidence"]) == (True, [])


def test_an_answer_about_a_document_or_a_page_without_words_is_unreadable():
    rows = list(merge_files.merge([said('{"total": "53.40"}', "nobody"), {**said('{"total": "53.40"}'), "page": 7}], words(), INVOICE))
    assert [(row["document"], row["verdict"]) for row in rows if row["value"]] == [("d", "unreadable"), ("nobody", "unreadable")]


@pytest.mark.parametrize(("change", "says"), [
    *(pytest.param({key: None}, f"answer 2: .*{key}", id=f"no {key}") for key in ("document", "page", "box", "extractor", "hinted")),
    pytest.param({"page": 0}, "answer 2: .*from 1; it has 'd' and 0", id="page 0"),
    pytest.param({"page": "x"}, "answer 2: .*page", id="page x"),
    pytest.param({"box": [0, 0, float("nan"), 1]}, "answer 2: .*box", id="not a number"),
    pytest.param({"box": [0, 0, float("inf"), 1]}, "answer 2: .*box", id="infinite"),
    pytest.param({"box": [0, 0, 1]}, "answer 2: .*box", id="three sides"),
    pytest.param({"hinted": "false"}, "answer 2: .*hinted.*'false'", id="hinted as a text"),
])
def test_an_answer_that_lacks_something_names_its_place_and_what(change, says):
    with pytest.raises(SettingsError, match=says):
        list(merge_files.merge([said("{}"), {**said("{}"), **change}], words(), INVOICE))


@pytest.mark.parametrize("key", ["document", "page", "box", "extractor", "hinted", "text"])
def test_an_answer_without_a_key_names_the_key(key):
    row = said("{}")
    del row[key]
    with pytest.raises(SettingsError, match=f"answer 1: .*{key}"):
        list(merge_files.merge([row], words(), INVOICE))


@pytest.mark.parametrize("change", [
    pytest.param({"confidence": 1.5}, id="over 1"), pytest.param({"confidence": float("nan")}, id="not a number"),
    pytest.param({"confidence": None}, id="none"), pytest.param({"source": "guess"}, id="an unknown source"),
])
def test_a_word_that_cannot_be_weighed_names_its_place(change):
    with pytest.raises(SettingsError, match="word 2: "):
        list(merge_files.merge([], [words()[0], {**words()[1], **change}], INVOICE))


def test_an_answer_without_a_box_names_its_line():
    with pytest.raises(SettingsError, match="answer 2: needs document, page and box"):
        list(merge_files.merge([said("{}"), {"document": "d", "page": 1}], [], INVOICE))


def test_a_word_of_an_unknown_source_names_its_line():
    with pytest.raises(SettingsError, match="word 1"):
        list(merge_files.merge([], [{**words()[0], "source": "guess"}], INVOICE))
