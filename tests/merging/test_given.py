"""Answers and words given from outside, as `octavo merge` takes them."""

from __future__ import annotations

import json

import pytest

from octavo.errors import SettingsError
from octavo.merging import given
from octavo.model import ParseStatus
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
    rows = list(given.merge([said('{"total": ["53.40", "99.00"], "number": "R-2018/0042"}')], words(), INVOICE))
    assert [row["field"] for row in rows] == ["number", "total"]
    total = rows[1]
    assert (total["value"], total["support"], total["verdict"], total["page"]) == ("53.40", "exact", "accepted", 1)
    assert total["evidence"] == [[80, 30, 128, 42]]
    assert [(one["value"], one["reason"]) for one in total["losers"]] == [("99.00", "the page does not say it")]


@pytest.mark.parametrize(("text", "status"), [
    pytest.param('{"total": 53.40}', ParseStatus.OK, id="plain"),
    pytest.param('```json\n{"total": "53.40"}\n```', ParseStatus.OK, id="fenced"),
    pytest.param('Here you are: {"total": "53.40"}', ParseStatus.REPAIRED, id="prose before"),
    pytest.param('{"total": "53.40", "number": "R-20', ParseStatus.REPAIRED, id="cut short"),
])
def test_what_a_model_says_is_parsed_with_numbers_as_written(text, status):
    parsed, how = given.parse(text, INVOICE)
    assert (parsed["total"], how) == ("53.40", status)


@pytest.mark.parametrize(("text", "status"), [
    pytest.param("", ParseStatus.BLANK, id="nothing"), pytest.param("I cannot read this", ParseStatus.FAILED, id="prose"),
])
def test_what_holds_no_json_is_no_answer(text, status):
    assert given.parse(text, INVOICE) == ({}, status)


def test_a_bare_list_is_the_only_lists_rows():
    assert given.parse('[{"item": "Tea"}]', INVOICE)[0] == {"lines": [{"item": "Tea"}]}


def test_documents_come_sorted_and_the_order_of_answers_does_not_matter():
    answers = [said('{"total": "53.40"}', d, e) for d in ("b", "a") for e in ("molmo", "other")]
    both = words("a") + words("b")
    rows = list(given.merge(answers, both, INVOICE))
    assert [row["document"] for row in rows if row["field"] == "total"] == ["a", "b"]
    assert json.dumps(list(given.merge(reversed(answers), both, INVOICE))) == json.dumps(rows)


def test_an_answer_without_a_box_names_its_line():
    with pytest.raises(SettingsError, match="answer 2: needs document, page and box"):
        list(given.merge([said("{}"), {"document": "d", "page": 1}], [], INVOICE))


def test_a_word_of_an_unknown_source_names_its_line():
    with pytest.raises(SettingsError, match="word 1"):
        list(given.merge([], [{**words()[0], "source": "guess"}], INVOICE))
