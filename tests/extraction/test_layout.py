from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from octavo.extraction.rules import stage as rules
from octavo.model import contracts
from octavo.model.contracts import Contract
from octavo.model.entities import Box, Chunk, Page, Ruling
from octavo.model.settings import CONTRACTS_FOLDER
from octavo.reading.rows import word_row
from octavo.storage import fs, schemas
from octavo.storage.workspace import cut_into_shards
from tests.grid import page
from tests.staging import workspace


def contract(name: str) -> Contract:
    return contracts.find(name, CONTRACTS_FOLDER)


def found(name: str | Contract, *drawn: str) -> dict[str, Any]:
    """What the pages say, by field: the best text of scalars, rows of lists, groups as dictionaries."""
    of = contract(name) if isinstance(name, str) else name
    said: dict[str, Any] = {}
    for one in rules.extract([page(text, n + 1) for n, text in enumerate(drawn)], of):
        for field, _, printed in one:
            value = rules.json_of(printed, lambda part: part.text)
            if isinstance(value, dict):
                said.setdefault(field, {}).update({k: v[0] if isinstance(v, list) else v for k, v in value.items()})
            elif isinstance(value, list) and isinstance(value[0], dict):
                said.setdefault(field, []).extend(value)
            else:
                said.setdefault(field, value[0] if isinstance(value, list) else value)
    return said


RECEIPT = """
         GREEN VALLEY HARDWARE
            SDN BHD
          (1234567-X)
       NO. 12, JALAN CEMPAKA 3,
       TAMAN SERI RIMBA,
       43210 BANDAR LAMA, SELANGOR
       TEL: 03-1234 5678
     GST ID NO: 000123456789

   TAX INVOICE

Doc No : CS0042       Date: 28/12/2017
Item                  Qty    Amount
Hammer                 1      40.02
Nails                  2      10.00

Sub Total                     50.02
Rounding                      -0.02
Total (RM)                    50.00
Cash                         100.00
Change                        50.00
GST Summary   Amount    Tax
SR            47.19     2.83
Total         47.19     2.83
"""


def test_a_receipt_gives_who_where_when_and_how_much() -> None:
    assert found("receipt", RECEIPT) == {
        "company": "GREEN VALLEY HARDWARE SDN BHD",
        "date": "28/12/2017",
        "address": "NO. 12, JALAN CEMPAKA 3, TAMAN SERI RIMBA, 43210 BANDAR LAMA, SELANGOR",
        "total": "50.00",
    }


def test_a_total_without_a_label_is_what_was_tendered_less_the_change() -> None:
    drawn = "CORNER SHOP\n5 MILL STREET\n\nTea    8.50\nRice   9.80\nSoup   10.40\n\n       28.70\nCASH   50.00\nCHANGE 21.30"
    assert found("receipt", drawn)["total"] == "28.70"


def test_a_rounded_amount_below_the_labelled_one_is_what_was_paid() -> None:
    assert found("receipt", "SHOP\n\nTotal   60.31\nRounding   -0.01\nRM   60.30\nCASH   70.30\nCHANGE   10.00")["total"] == "60.30"


@pytest.mark.parametrize(("line", "date"), [
    pytest.param("Date:19/10/2018", "19/10/2018", id="glued to its label"),
    pytest.param("18/03/1809:03", "18/03/18", id="glued to the time"),
    pytest.param("19 MAR 2018 18:26", "19 MAR 2018", id="a month's name, no label"),
    pytest.param("Valid until 01/01/2020   Date 02/05/2019", "02/05/2019", id="the labelled one of two"),
])
def test_a_receipts_date_is_found(line: str, date: str) -> None:
    assert found("receipt", f"SHOP SDN BHD\n\n{line}\n\nTotal  5.00")["date"] == date


def test_a_name_is_found_without_its_registration_number_and_address() -> None:
    assert found("invoice", "Northwind Tools GmbH - Hafenweg 12 - 20457 Hamburg\n\nRechnung")["issuer"] == "Northwind Tools GmbH"


INVOICE = """
Ahornhof Werkzeuge GmbH
Am Ring 4
12345 Altfeld

Käufer:
Name:        Gasthof zur Post
Anschrift:   Hauptstraße 1

Rechnungsnummer:   RE-2026-0042
Rechnungsdatum:    03.11.2026
Fällig am:         03.12.2026

Beschreibung        Menge   Einzelpreis    Betrag
Handsäge 500 mm       2       201,69       403,38
Schleifpapier         7       178,35     1.248,45
K120 grob
"""
CONTINUED = """
Beschreibung        Menge   Einzelpreis    Betrag
Zollstock             1        10,00        10,00

Nettobetrag                            1.661,83 EUR
Gesamtbetrag brutto                    1.977,58 EUR
Zahlbetrag                             1.977,58 EUR
"""


def test_an_invoice_gives_its_header_totals_and_items_over_pages() -> None:
    said = found("invoice", INVOICE, CONTINUED)
    assert said["line_items"] == [
        {"description": "Handsäge 500 mm", "quantity": "2", "unit_price": "201,69", "amount": "403,38"},
        {"description": "Schleifpapier K120 grob", "quantity": "7", "unit_price": "178,35", "amount": "1.248,45"},
        {"description": "Zollstock", "quantity": "1", "unit_price": "10,00", "amount": "10,00"},
    ]
    del said["line_items"]
    assert said == {
        "invoice_number": "RE-2026-0042", "date": "03.11.2026", "due_date": "03.12.2026", "issuer": "Ahornhof Werkzeuge GmbH",
        "buyer": "Gasthof zur Post", "currency": "EUR", "amount_untaxed": "1.661,83 EUR", "amount_total": "1.977,58 EUR",
        "amount_due": "1.977,58 EUR",
    }


def test_a_table_goes_on_over_the_page_without_its_header() -> None:
    items = found("invoice", INVOICE, CONTINUED.replace("Beschreibung        Menge   Einzelpreis    Betrag", ""))["line_items"]
    assert [item["amount"] for item in items] == ["403,38", "1.248,45", "10,00"]


def test_a_number_of_another_field_is_not_taken() -> None:
    said = found("invoice", "Kunden-Nr: 4711\nRechnungs-Nr: 815\nUSt-IdNr: DE123456789")
    assert said["invoice_number"] == "815"


ORDER = """
Contract / Revision         Alt Order #
1983348 /                   26803970
Advertiser                  Original Date / Revision
Friends of the Library      02/18/20 / 02/18/20
Contract Dates              Estimate #
12/30/19 - 03/29/20         0129

# Spots    Gross Amount    Net Amount
10         $1,605.00       $1,364.25
23         $10,800.00      $9,180.00
Totals     $12,405.00      $10,544.25
"""


def test_an_order_is_read_in_rows_and_columns() -> None:
    assert found("adbuy", ORDER) == {
        "contract_num": "1983348", "advertiser": "Friends of the Library", "gross_amount": "$12,405.00", "flight_from": "12/30/19",
        "flight_to": "03/29/20",
    }


STATEMENT = """
Valley Energy           Account number:  9799 5897 67
www.valley.example      Due date:        Nov 25, 2026

Service address:        418 Cedar Hollow Road
Meter number:           188085

Charges

Customer charge              $9.50
City tax 3%                  $3.52
Total current charges       $13.02

Ways to pay

Online:     www.valley.example/pay
By phone:   1-555-010-0188
"""


def test_a_statement_gives_groups_and_sections() -> None:
    said = found("energy_statement", STATEMENT)
    assert said["account_number"] == "9799 5897 67"
    assert said["service_info"]["service_address"] == "418 Cedar Hollow Road"
    assert said["charges"] == [{"name": "Customer charge", "amount": "$9.50"}, {"name": "City tax 3%", "amount": "$3.52"}]
    assert said["ways_to_pay"] == [
        {"method": "Online", "details": "www.valley.example/pay"}, {"method": "By phone", "details": "1-555-010-0188"},
    ]


def test_a_flights_last_day_is_not_another_labels_date() -> None:
    said = found("adbuy", "Schedule Dates  06/22/20 - 06/29/20     Date Entered  06/09/20\nFlight Dates  06/22/20 to 06/29/20")
    assert (said["flight_from"], said["flight_to"]) == ("06/22/20", "06/29/20")


def test_a_name_is_read_over_the_lines_of_its_cell() -> None:
    one = page("Verkäufer\n           MVM Musterhafter\nName:      Versicherungsverein a.G.\n\nAnschrift: Ring 1", 1)
    words = tuple(
        word._replace(box=word.box._replace(y0=word.box.y0 + 6, y1=word.box.y1 + 6)) if word.text in ("MVM", "Musterhafter") else word
        for word in one.words
    )
    (said,) = rules.extract([replace(one, words=words)], contract("invoice"))
    assert next(value for field, _, value in said if field == "issuer")[0].text == "MVM Musterhafter Versicherungsverein a.G."


def test_topics_are_a_pages_headings_and_explanations_are_left_out() -> None:
    drawn = "Data structures\n\n\n1. Stacks\nA stack gives back what came last.\n\n\n2. Queues\nA queue gives back what came first."
    assert found("lecture_notes", drawn)["topics"] == [{"name": "Stacks"}, {"name": "Queues"}]


@pytest.mark.parametrize(("drawn", "pairs"), [
    pytest.param("Name:  Rosalind Pike", [("Name", "Rosalind Pike")], id="beside, behind a colon"),
    pytest.param("Name: Rosalind Pike", [("Name", "Rosalind Pike")], id="in one segment"),
    pytest.param("Phone:4417 Name:Ann", [("Phone", "4417"), ("Name", "Ann")], id="glued to their values"),
    pytest.param("http://shop.example   open", [], id="an address of the web is no key"),
    pytest.param("Name   Mr Pike\nHEAD OFFICE   NORTH WING", [("Name", "Mr Pike")], id="capitals beside capitals are a title"),
    pytest.param("Date:  1/2/90   Time:  9:30", [("Date", "1/2/90"), ("Time", "9:30")], id="two on a line; a time is no key"),
    pytest.param("Comments:\nNone so far", [("Comments", "None so far")], id="below"),
    pytest.param("Name:\nDate:  1/2/90", [("Date", "1/2/90")], id="an empty key has no value"),
    pytest.param("Address:  12 Mill Lane\n          Northam", [("Address", "12 Mill Lane Northam")], id="over two lines"),
    pytest.param("cc:\nA. Smith   B. Jones\nC. Brown", [("cc", "A. Smith"), ("cc", "B. Jones"), ("cc", "C. Brown")], id="a list of names"),
    pytest.param("Sworn before me__   4th of March", [("Sworn before me", "4th of March")], id="a blank that was filled in"),
    pytest.param("Section number   12\nProject code     QX-8", [("Section number", "12"), ("Project code", "QX-8")], id="two columns"),
    pytest.param(
        "Store     Volume    Boxes\nOak       139       23\nElm       202       21",
        [("Store", "Oak"), ("Store", "Elm"), ("Volume", "139"), ("Volume", "202"), ("Boxes", "23"), ("Boxes", "21")], id="a table",
    ),
    pytest.param("This sentence goes on without any question.", [], id="running text"),
])
def test_a_forms_pairs(drawn: str, pairs: list[tuple[str, str]]) -> None:
    assert [(p["key"], p["value"]) for p in found("form", drawn).get("pairs", [])] == pairs


@pytest.mark.parametrize("name", ["receipt", "invoice", "adbuy", "energy_statement", "form", "generic", "lecture_notes"])
def test_an_empty_page_says_nothing(name: str) -> None:
    assert found(name, "") == {}


@pytest.mark.parametrize("name", ["receipt", "invoice", "adbuy", "energy_statement", "form"])
@pytest.mark.parametrize("drawn", [RECEIPT, INVOICE, ORDER, STATEMENT], ids=["receipt", "invoice", "order", "statement"])
def test_every_value_is_text_of_the_page(name: str, drawn: str) -> None:
    """Whatever the contract, nothing is made up: a value's characters stand on the page in its order of words."""
    words = "".join(drawn.split())

    def texts(value: Any) -> list[str]:
        if isinstance(value, str):
            return value.split()
        return [text for part in (value.values() if isinstance(value, dict) else value) for text in texts(part)]

    for value in found(name, drawn).values():
        assert all(text in words for text in texts(value))


# -- the stage ---------------------------------------------------------------


def stage(root: Path, shard_pages: int, of: Contract, *documents: list[str]) -> list[dict[str, Any]]:
    """Run the stage over documents given as pages; all answer rows in order."""
    space = workspace(root, f"r{shard_pages}", of)
    plan = cut_into_shards([(f"{n:064x}", len(pages)) for n, pages in enumerate(documents)], shard_pages)
    rows = []
    for shard, spans in plan.page_shards.items():
        read, chunks = [], []
        for span in spans:
            for number in range(span.first, span.last + 1):
                one = page(documents[int(span.document, 16)][number - 1], number, span.document)
                read.append(_reading(one))
                chunks += [schemas.chunk_to_row(one, chunk) for chunk in _halves(one)]
        fs.write_rows(space.shard("read", shard), read, schemas.READINGS)
        fs.write_rows(space.shard("chunk", shard), chunks, schemas.CHUNKS)
        report = rules.run(space, shard, of)
        assert report.counts["chunks"] == len(chunks)
        assert report.counts["model_calls"] == 0
        rows += space.read(space.shard("extract_layout", shard)).to_pylist()
    return rows


def _reading(one: Page) -> dict[str, Any]:
    return {
        "document": one.document, "page": one.number, "width": one.width, "height": one.height, "dpi": None, "rotation": 0,
        "transform": list(one.transform), "text_source": "ocr", "words": [word_row(word) for word in one.words],
        "outcome": "ok", "reason": None, "detail": None, "seconds": 0.0, "cached": False,
    }


def _halves(one: Page) -> list[Chunk]:
    halves = [Box(0, 0, one.width, 200), Box(0, 200, one.width, one.height)]
    return [Chunk(n, half, tuple(i for i, w in enumerate(one.words) if half.holds(w.box.center)), "test") for n, half in enumerate(halves)]


def test_each_chunk_gets_a_row_and_a_value_goes_to_the_chunk_of_its_first_word(tmp_path: Path) -> None:
    rows = stage(tmp_path, 64, contract("receipt"), [RECEIPT])
    assert [(row["chunk"], sorted(json.loads(row["parsed"]))) for row in rows] == [(0, ["address", "company"]), (1, ["date", "total"])]
    assert {(row["extractor"], row["hinted"]) for row in rows} == {("layout", False)}


TILL = """
CORNER SHOP LTD

Item       Amount
Tea        4.50
Rice       9.80
"""


def test_answers_name_the_words_of_every_value(tmp_path: Path) -> None:
    used = Contract.model_validate({"name": "till", "title": "Tills", "fields": {
        "shop": {"type": "name", "place": "top"}, "items": {"type": "list", "fields": {
            "what": {"labels": ["Item"]}, "amount": {"type": "money", "labels": ["Amount"]},
        }},
    }})
    [(parsed, ids)] = [(row["parsed"], row["word_ids"]) for row in stage(tmp_path, 64, used, [TILL]) if row["parsed"] != "{}"]
    assert json.loads(parsed)["items"] == [{"what": "Tea", "amount": "4.50"}, {"what": "Rice", "amount": "9.80"}]
    assert json.loads(ids) == {"shop": [[0, 1, 2], [5], [7]], "items": [{"what": [5], "amount": [6]}, {"what": [7], "amount": [8]}]}


def test_shards_of_any_size_give_the_same_answers(tmp_path: Path) -> None:
    long = [INVOICE, *["Position  text only"] * 17, CONTINUED]
    rows = [stage(tmp_path, size, contract("invoice"), long, [INVOICE, CONTINUED]) for size in (16, 64)]
    assert rows[0] == rows[1]


def test_generated_fields_are_never_answered(tmp_path: Path) -> None:
    rows = stage(tmp_path, 64, contract("lecture_notes"), ["Data\n\n\n1. Stacks\nA stack gives back what came last, at once.\n"])
    assert "explanation" not in "".join(row["parsed"] for row in rows)


@pytest.mark.parametrize(("continues", "rows"), [pytest.param(True, [2, 1], id="by default"), pytest.param(False, [2, 0], id="off")])
def test_a_table_goes_on_over_pages_unless_the_contract_says_that_it_does_not(continues: bool, rows: list[int]) -> None:
    used = Contract.model_validate({"name": "bill", "title": "Bills", "fields": {"lines": {
        "type": "list", "continues": continues,
        "fields": {"item": {"labels": ["Item"]}, "amount": {"type": "money", "labels": ["Amount"]}},
    }}})
    drawn = ("Item       Amount\nTea        4.50\nCoffee     3.20", "Milk       0.99")
    assert [len(found) for found in rules.extract([page(text, n + 1) for n, text in enumerate(drawn)], used)] == rows


BILL = Contract.model_validate({"name": "bill", "title": "Bills", "fields": {"lines": {"type": "list", "fields": {
    "item": {"labels": ["Item"]}, "quantity": {"type": "number", "labels": ["Qty"]}, "amount": {"type": "money", "labels": ["Amount"]},
}}}})
HEADER = "Item                 Qty    Amount\n"
ROWS = "Bracket              6      60.00\nSteel shed           1     200.00\n"


def items(*drawn: str, of: Contract = BILL) -> list[tuple[str | None, ...]]:
    names = of.fields["lines"].fields
    return [tuple(row.get(name) for name in names) for row in found(of, *drawn).get("lines", [])]


@pytest.mark.parametrize("name", ["Net curtain", "Balance bike", "Carried case", "Total station"])
def test_a_word_of_sums_ends_no_table_where_the_row_has_an_items_shape(name: str) -> None:
    drawn = f"{HEADER}{name:<20} 2     100.00\n{ROWS}Total                       360.00\n"
    assert items(drawn) == [(name, "2", "100.00"), ("Bracket", "6", "60.00"), ("Steel shed", "1", "200.00")]


@pytest.mark.parametrize("carry", ["Brought forward", "Übertrag", "À reporter", "Sub total"])
def test_a_sum_that_rows_follow_is_passed_over(carry: str) -> None:
    line = f"{carry:<20}       210.00\n"
    two = [("Bracket", "6", "60.00"), ("Steel shed", "1", "200.00")]
    assert items(HEADER + line + ROWS + "Total                       470.00\n") == two
    assert items(HEADER + ROWS + line + ROWS.replace("Bracket", "Bolt   ")) == [*two, ("Bolt", "6", "60.00"), two[1]]


def test_a_table_whose_sum_is_carried_over_goes_on_without_its_header() -> None:
    carried = f"{HEADER}{ROWS}Carried forward             260.00\n"
    assert len(items(carried, ROWS + "Total     520.00\n")) == 4
    assert len(items(carried.replace("Carried forward", "Total          "), ROWS)) == 2


def test_a_column_that_the_contract_does_not_name_lends_nothing() -> None:
    drawn = (
        "Item                 Qty    Price    Amount\n"
        "Bracket              6      10.00    60.00\n"
        "Steel shed           1     200.00   200.00\n"
    )
    assert items(drawn) == [("Bracket", "6", "60.00"), ("Steel shed", "1", "200.00")]
    priced = BILL.model_copy(update={"fields": {"lines": BILL.fields["lines"].model_copy(update={
        "fields": {name: spec for name, spec in BILL.fields["lines"].fields.items() if name != "quantity"},
    })}})
    assert items(drawn, of=priced) == [("Bracket", "60.00"), ("Steel shed", "200.00")]


ENTRY_LIST = Contract.model_validate({"name": "bill", "title": "Bills", "fields": {"lines": {"type": "list", "fields": {
    "day": {"type": "date", "labels": ["Date"]}, "item": {"labels": ["Details"]}, "out": {"type": "money", "labels": ["Debit"]},
    "in": {"type": "money", "labels": ["Credit"]}, "balance": {"type": "money", "labels": ["Balance"]},
}}}})
ENTRIES = """
Date         Details             Debit    Credit    Balance
             Opening balance                        1,250.00
02 May 2026  Coffee              5.50               1,244.50
03 May 2026  Balance transfer             3,200.00  4,444.50
05 May 2026  Power             180.20               4,264.30
             Total             185.70    3,200.00   4,264.30
"""


def test_sums_fill_fewer_columns_than_the_entries_of_a_statement() -> None:
    assert items(ENTRIES, of=ENTRY_LIST) == [
        ("02 May 2026", "Coffee", "5.50", None, "1,244.50"), ("03 May 2026", "Balance transfer", None, "3,200.00", "4,444.50"),
        ("05 May 2026", "Power", "180.20", None, "4,264.30"),
    ]


def test_a_date_stands_in_one_cell_however_narrow_its_header_is() -> None:
    narrow = ENTRIES.replace("Date         Details ", "Date Details         ")
    assert [row[:2] for row in items(narrow, of=ENTRY_LIST)] == [
        ("02 May 2026", "Coffee"), ("03 May 2026", "Balance transfer"), ("05 May 2026", "Power"),
    ]


def test_a_second_table_far_below_the_first_is_read_as_well_and_neither_goes_on_over_the_page() -> None:
    first, second = HEADER + ROWS, HEADER + ROWS.replace("Bracket", "Bolt   ")
    assert [row[0] for row in items(first + 6 * "\n" + second)] == ["Bracket", "Steel shed", "Bolt", "Steel shed"]
    assert len(items(first + 6 * "\n" + "Thank you for your order\n", ROWS)) == 2


def test_a_header_whose_own_alignment_differs_from_its_figures_heads_them() -> None:
    left = ENTRIES.replace("Debit    Credit    Balance", "Debit    Credit  Balance  ")
    left = "".join(line for line in left.splitlines(keepends=True) if "Opening" not in line)
    assert [row[4] for row in items(left, of=ENTRY_LIST)] == ["1,244.50", "4,444.50", "4,264.30"]


CATCHES = Contract.model_validate({"name": "catch", "title": "Catches", "fields": {"lines": {"type": "list", "fields": {
    "port": {"labels": ["Port"]}, "fish": {"type": "integer", "labels": ["Fish 2025"]},
    "grain": {"type": "integer", "labels": ["Grain 2025"]},
}}}})


def test_labels_are_composed_of_the_lines_of_a_header() -> None:
    drawn = """
Port          Fish          Grain
           2024  2025    2024  2025
Eastholm    120   130      80    85
Wick         70    75      20    25
"""
    assert items(drawn, of=CATCHES) == [("Eastholm", "130", "85"), ("Wick", "75", "25")]


YEARS = Contract.model_validate({"name": "years", "title": "Years", "fields": {"lines": {"type": "list", "fields": {
    "year": {"type": "integer", "labels": ["Year"]}, "revenue": {"type": "number", "labels": ["Revenue"]},
    "cost": {"type": "number", "labels": ["Cost"]},
}}}})


@pytest.mark.parametrize("corner", ["", "Year"])
def test_headers_at_the_left_are_read_like_headers_at_the_top(corner: str) -> None:
    drawn = f"""
{corner:8}     2024     2025
Revenue     1,200    1,350
Cost          800      850
Profit        400      500
"""
    assert items(drawn, of=YEARS) == [("2024", "1,200", "800"), ("2025", "1,350", "850")]


NOTE = Contract.model_validate({"name": "note", "title": "Notes", "fields": {
    "berth": {"type": "integer", "labels": ["BERTH"]}, "tugs": {"type": "integer", "labels": ["TUGS"]}, "pilot": {"labels": ["PILOT"]},
}})


def test_a_value_in_its_labels_own_box_wins() -> None:
    drawn = page("""
1 BERTH      2 TUGS      3 PILOT
14           3           Orla Vane
""")
    level = (Ruling(5, y, 345, y, 1) for y in (5, 46))
    upright = (Ruling(x, 5, x, 46, 1) for x in (5, 135, 255, 345))
    boxed = replace(drawn, rulings=(*level, *upright))
    (one,) = rules.extract([boxed], NOTE)
    best = {proposal.field: rules.json_of(proposal.value, lambda part: part.text) for proposal in one}
    texts = {name: value[0] if isinstance(value, list) else value for name, value in best.items()}
    assert texts == {"berth": "14", "tugs": "3", "pilot": "Orla Vane"}


def test_a_date_is_no_number() -> None:
    assert items(HEADER + "Bracket, sent         6     60.00\n" + "Shed             5.2.2026   200.00\n") == [
        ("Bracket, sent", "6", "60.00"), ("Shed", None, "200.00"),
    ]


def test_a_sum_over_two_columns_right_below_the_header_heads_nothing() -> None:
    drawn = HEADER.replace("Qty    Amount", "Qty    Amount    Left") + "              Brought forward 210.00\n"
    drawn += "Bracket              6      60.00       4\nSteel shed           1     200.00       2\n"
    drawn += "Bolt                 9      20.00       1\n"
    assert [row[0] for row in items(drawn)] == ["Bracket", "Steel shed", "Bolt"]


def test_an_item_of_several_rows_is_one_and_takes_its_text_from_the_first() -> None:
    drawn = page("""
No   Item     Qty  Amount
1    Bracket    6   60.00
     Lot 7
2    Shed       1  200.00
""")
    x = [5, 55, 135, 185, 265]
    level = [(y, 0, 4) for y in (6, 26, 66, 86)] + [(46, 1, 4)]
    lines = [Ruling(x[a], y, x[b], y, 1) for y, a, b in level] + [Ruling(at, 6, at, 86, 1) for at in x]
    (said,) = rules.extract([replace(drawn, rulings=tuple(lines))], BILL)
    rows = [rules.json_of(row.value, lambda part: part.text)[0] for row in said]
    assert rows == [{"item": "Bracket", "quantity": "6", "amount": "60.00"}, {"item": "Shed", "quantity": "1", "amount": "200.00"}]
