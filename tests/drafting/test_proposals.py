"""Drafts from pages alone: lists as the grid shows them, labels that are labels, and nothing doubtful that is accepted."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest
from click.testing import CliRunner
from fpdf import FPDF

from octavo.cli import main
from octavo.model import contracts
from octavo.model.contracts import Contract, FieldSpec, Kind
from octavo.model.entities import Verdict
from octavo.model.settings import Settings
from octavo.workflows.drafting.names import column_name
from octavo.workflows.trial import tried

X = (20, 60, 110, 140, 170)


def page(path: Path, rows: Sequence[Sequence[str]]) -> None:
    """One page with a line for each row, whose texts begin where columns do; a row of one text may be anything."""
    pdf = FPDF()
    pdf.add_page()
    pdf.set_font("Helvetica", size=11)
    for number, row in enumerate(rows):
        for x, text in zip(X, row, strict=False):
            pdf.text(x, 20 + 7 * number, text)
    pdf.output(str(path))


def statements(folder: Path) -> Path:
    """Three statements, two of one layout and one of another."""
    folder.mkdir()
    for number in (1, 2):
        page(folder / f"a{number}.pdf", [
            ("Kauri Bank Limited",), (), ("Account number", f"02-1234-056789{number}-00"),
            ("Statement period", f"1 {('May', 'June')[number - 1]} 2026 to 30 {('May', 'June')[number - 1]} 2026"),
            ("Fee this month", f"{number}2.40"), ("Clerk: Ann", "", "Clerk: Bob"), ("Read the terms overleaf",), (),
            ("Date", "Details", "Withdrawals", "Deposits", "Balance"),
            (f"0{number} May 2026", "Coffee house", f"{number}.50", "", "244.50"),
            ("05 May 2026", "Salary", "", "3,200.00", f"3,44{number}.50"),
            ("09 May 2026", "City rates", "268.15", "", "3,176.35"), ("Total withdrawals", "", "", "", f"26{number + 8}.65"),
        ])
    page(folder / "b.pdf", [
        ("Rimu Bank Limited",), (), ("Account number", "12-3456-0789012-50"), (),
        ("Date", "Transaction", "Withdrawals", "Deposit $", "Balance"),
        ("06 Mar 2026", "Grocer", "48.65", "", "826.55"), ("11 Mar 2026", "Pay", "", "1,890.45", "2,717.00"),
        ("17 Mar 2026", "Power", "152.30", "", "2,564.70"),
    ])
    return folder


def drafted(folder: Path, name: str = "statement") -> Contract:
    out = folder.parent / f"{name}.yaml"
    done = CliRunner().invoke(main, [
        "contracts", "new", name, "--from", str(folder), "--out", str(out), "--lake", str(folder.parent / "lake"),
    ])
    assert done.exit_code == 0, done.output
    return contracts.load(out)


@pytest.fixture(scope="module")
def statement(tmp_path_factory: pytest.TempPathFactory) -> tuple[Contract, Path]:
    folder = statements(tmp_path_factory.mktemp("drafts") / "examples")
    return drafted(folder), folder


def test_a_list_has_the_columns_of_all_layouts_with_types_from_their_cells(statement: tuple[Contract, Path]) -> None:
    items = statement[0].fields["items"]
    assert items.type is Kind.LIST
    assert [(name, spec.type, list(spec.labels)) for name, spec in items.fields.items()] == [
        ("date", Kind.DATE, ["Date"]), ("details", Kind.TEXT, ["Details", "Transaction"]), ("withdrawals", Kind.MONEY, ["Withdrawals"]),
        ("deposits", Kind.MONEY, ["Deposits", "Deposit $"]), ("balance", Kind.MONEY, ["Balance"]),
    ]


def test_labels_are_what_several_documents_print_and_no_texts_of_rows_or_sentences(statement: tuple[Contract, Path]) -> None:
    fields = statement[0].fields
    assert list(fields["account_number"].labels) == ["Account number"]
    assert fields["fee_this_month"].type is Kind.MONEY
    labels = {label for _, spec in statement[0].leaves() for label in spec.labels}
    assert labels.isdisjoint({"Coffee house", "Salary", "City rates", "Grocer", "Read the terms overleaf"})


def test_sums_below_a_lists_items_are_fields_and_no_items(statement: tuple[Contract, Path]) -> None:
    total = statement[0].fields["total_withdrawals"]
    assert (total.type, total.labels, total.accept_at) == (Kind.MONEY, ("Total withdrawals",), None)


def test_a_period_is_two_dates_behind_one_label(statement: tuple[Contract, Path]) -> None:
    fields = statement[0].fields
    assert [(fields[name].type, fields[name].labels) for name in ("statement_period_from", "statement_period_to")] == [
        (Kind.DATE, ("Statement period",))] * 2


def test_nothing_is_accepted_where_a_label_has_several_values_or_there_is_none(statement: tuple[Contract, Path]) -> None:
    fields = statement[0].fields
    doubtful = {name for name, spec in fields.items() if spec.accept_at == 1}
    assert {"clerk", "name"} <= doubtful
    assert "account_number" not in doubtful
    text = (statement[1].parent / "statement.yaml").read_text()
    assert "accept_at: 1  # nothing is accepted: its label is printed several times with different values: which one is meant?" in text


def test_what_a_draft_accepts_of_its_examples_is_what_they_print(statement: tuple[Contract, Path]) -> None:
    contract, folder = statement
    with tried(contract, [folder], Settings(lake=str(folder.parent / "lake"), processes=1)) as trial:
        accepted = [row for row in trial.rows("fields") if row["verdict"] == Verdict.ACCEPTED]
    values = {row["field"].partition("[")[0] + row["field"].partition("]")[2]: set() for row in accepted}
    for row in accepted:
        values[row["field"].partition("[")[0] + row["field"].partition("]")[2]].add(row["value"])
    assert values["account_number"] == {"02-1234-0567891-00", "02-1234-0567892-00", "12-3456-0789012-50"}
    assert values["items.withdrawals"] <= {"1.50", "2.50", "268.15", "48.65", "152.30"}
    assert values["items.balance"] >= {"244.50", "3,176.35", "2,717.00"}
    assert "clerk" not in values


def test_names_are_transliterated_labels_are_printed_and_the_language_is_told(tmp_path: Path) -> None:
    folder = tmp_path / "notas"
    folder.mkdir()
    for number in range(3):
        page(folder / f"{number}.pdf", [
            ("Nota de entrega da mercadoria para o cliente",), (), ("Número da operação:", f"OP-10{number}"), ("Município:", "São Paulo"),
            ("Data da emissão:", f"1{number}/03/2026"), ("Os produtos são entregues no endereço do destinatário",),
        ])
    used = drafted(folder, "nota")
    assert used.locale.languages == ("pt",)
    assert {name: list(spec.labels) for name, spec in used.fields.items() if spec.labels} == {
        "numero_da_operacao": ["Número da operação"], "municipio": ["Município"], "data_da_emissao": ["Data da emissão"],
    }


def test_fields_whose_labels_begin_like_anothers_do_not_take_its_values(tmp_path: Path) -> None:
    folder = tmp_path / "examples"
    folder.mkdir()
    for number in range(3):
        page(folder / f"{number}.pdf", [("Tax base:", f"{number}10.00"), ("Tax base reduced:", f"{number}20.00")])
    spec = drafted(folder).fields["tax_base"]
    assert list(spec.not_labels) == ["Tax base reduced"]


def test_one_short_bill_gives_all_its_labels_and_its_language(tmp_path: Path) -> None:
    folder = tmp_path / "examples"
    folder.mkdir()
    page(folder / "bill.pdf", [
        ("Northern Energy GmbH",), (), ("Rechnungsdatum", "3. März 2026"), ("Betrag", "1.234,50"), ("Fällig am", "17.03.2026"),
        ("Kundennummer", "K-4711"),
    ])
    used = drafted(folder, "bill")
    assert (used.locale.languages, used.locale.decimal) == (("de",), "auto")
    assert {name: spec.type for name, spec in used.fields.items() if spec.labels} == {
        "rechnungsdatum": Kind.DATE, "betrag": Kind.MONEY, "fallig_am": Kind.DATE, "kundennummer": Kind.IDENTIFIER,
    }


@pytest.mark.parametrize(("printed", "name"), [
    pytest.param("NOME / RAZÃO SOCIAL", "nome_razao_social", id="accents"),
    pytest.param("Größe", "grosse", id="umlauts"),
    pytest.param("Ημερομηνία", "emeromenia", id="another script"),
    pytest.param("noteNumber", "note_number", id="camel case"),
    pytest.param("2nd line", "field_2nd_line", id="a digit first"),
    pytest.param("%", "field", id="marks only"),
])
def test_any_label_makes_a_columns_name(printed: str, name: str) -> None:
    assert column_name(printed) == name
    assert column_name(printed, [name]) == f"{name}_2"
    assert FieldSpec(labels=(printed,)).labels == (printed,)
