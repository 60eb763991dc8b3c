"""Lexicons: what is read, what a folder of a user's adds, and what the words decide."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel

from octavo.model import contracts, lexicon
from octavo.model.errors import ContractError, LexiconError
from octavo.model.lexicon import Currency, FieldNameWords, Language
from octavo.page.businesses import business_words, has_legal_form, is_legal, is_trade, reads_like_label
from octavo.page.money import is_rounded
from octavo.page.values import currency_of
from tests.test_docs import first_column, section

DOCS = Path(__file__).resolve().parent.parent / "docs"
Folder = Callable[..., lexicon.Lexicon]


@pytest.fixture
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Folder]:
    """Makes a user's folder of the given files, by language, and the process's lexicon of it."""
    def made(**files: str) -> lexicon.Lexicon:
        for name, text in files.items():
            (tmp_path / f"{name}.yaml").write_text(text, encoding="utf-8")
        monkeypatch.setenv("OCTAVO_LEXICONS", str(tmp_path))
        lexicon.current.cache_clear()
        return lexicon.current()

    yield made
    lexicon.current.cache_clear()


def entries(value: Any) -> Iterator[str]:
    if isinstance(value, BaseModel):
        for name in type(value).model_fields:
            yield from entries(getattr(value, name))
    elif isinstance(value, dict):
        for words in value.values():
            yield from words
    else:
        yield from value


SHIPPED = lexicon.load()


@pytest.mark.parametrize("code", sorted(SHIPPED.languages))
def test_every_shipped_entry_is_recognised_as_it_is_written(code: str) -> None:
    language = SHIPPED.languages[code]
    for group in Language.model_fields:
        if group in ("label_parts", "field_names"):
            continue
        for entry in getattr(language, group):
            assert SHIPPED.is_one(group, entry.replace("*", "")), f"{code}.yaml {group}: {entry}"
    assert all(has_legal_form(f"Northwind {form}") for form in language.legal_forms)
    assert all(is_legal(("northwind", *re.findall(r"[^\W_]+", form.casefold()))) for form in language.legal_forms if form[0].isalnum())
    assert all(is_trade((trade.casefold(),)) for trade in language.trades)
    assert all(reads_like_label(noun) for noun in language.label_nouns)


def test_no_shipped_list_names_a_word_twice() -> None:
    for code, language in SHIPPED.languages.items():
        for group in Language.model_fields:
            value = getattr(language, group)
            for words in value.values() if isinstance(value, dict) else [tuple(entries(value))]:
                folded = [word.lower() for word in words]
                assert group == "field_names" or len(folded) == len(set(folded)), f"{code}.yaml {group}"


@pytest.mark.parametrize(("title", "keys"), [
    pytest.param("Languages", Language.model_fields, id="languages"),
    pytest.param("Currencies", Currency.model_fields, id="currencies"),
])
def test_every_key_is_documented_and_no_other(title: str, keys: dict[str, Any]) -> None:
    assert first_column(section("lexicons.md", title)) == list(keys)


def test_the_groups_that_labels_may_name_are_documented() -> None:
    shipped = {name for language in SHIPPED.languages.values() for name in language.label_parts}
    listed = re.search(r"groups that ship are (.*)\.", section("lexicons.md", "Composed labels"))
    assert listed
    assert set(re.findall(r"`(\w+)`", listed[1])) == shipped
    fields = next(line for line in section("lexicons.md", "Languages").splitlines() if line.startswith("| `field_names`"))
    assert set(FieldNameWords.model_fields) <= set(re.findall(r"`(\w+)`", fields))


def test_the_language_of_the_documentation_is_added_without_code(own: Folder, tmp_path: Path) -> None:
    example = re.search(r"(?ms)^ +```yaml\n( +# sv\.yaml.*?)^ +```", (DOCS / "lexicons.md").read_text(encoding="utf-8"))
    assert example
    assert not has_legal_form("Nordvind Kommanditbolag")
    own(sv=re.sub(r"(?m)^   ", "", example[1]))
    assert has_legal_form("Nordvind Kommanditbolag")
    assert has_legal_form("Nordvind AB")
    assert is_legal(("nordvind", "kommanditbolag"))
    assert is_trade(("nordvinds", "bageri"))
    assert business_words().address.search("Storgatan 12")
    assert lexicon.current().pattern("sums").match("Delsumma 120,00")
    path = tmp_path / "kvitto.yaml"
    path.write_text("name: kvitto\ntitle: Kvitton\nlocale: {languages: [sv]}\nfields:\n  total: {labels: ['{total} {incl} {tax}']}\n")
    assert contracts.load(path).fields["total"].labels == ("summa inkl moms", "totalt inkl moms")


def test_a_folder_adds_to_what_ships_and_takes_nothing_away(own: Folder) -> None:
    found = own(
        en="trades: [chandlery, bakery]\nlabel_parts: {total: [whole], tolls: [toll, customs]}\nfield_names: {phone: [pager]}",
        currencies="MYR: {marks: [Ringgit], cash_unit: 0.1}\nXTS: {marks: [Tt]}",
    )
    old, new = SHIPPED.languages["en"], found.languages["en"]
    assert new.trades == (*old.trades, "chandlery")
    assert new.legal_forms == old.legal_forms
    assert new.label_parts == {**old.label_parts, "total": (*old.label_parts["total"], "whole"), "tolls": ("toll", "customs")}
    assert new.field_names.phone == (*old.field_names.phone, "pager")
    assert new.field_names.name == old.field_names.name
    assert found.currencies["MYR"] == Currency(marks=(*SHIPPED.currencies["MYR"].marks, "Ringgit"), cash_unit=Decimal("0.1"))
    assert [currency_of(text) for text in ("Ringgit 5.00", "5.00 Tt", "RM 5.00")] == ["MYR", "XTS", "MYR"]
    assert found.digest != SHIPPED.digest == lexicon.load().digest


@pytest.mark.parametrize(("name", "text", "says"), [
    pytest.param("sv.yaml", "trade: [bageri]", ["sv.yaml", "trade:", "spelling"], id="a misspelt key"),
    pytest.param("sv.yaml", "trades: bageri", ["sv.yaml", "trades:", "[bageri]"], id="no list"),
    pytest.param("sv.yaml", "trades: [bageri, 7]", ["sv.yaml", "trades.1:", "quotes", "7"], id="no text"),
    pytest.param("sv.yaml", "legal_forms: ['*bolag']", ["sv.yaml", "legal_forms.0:", "without *"], id="a star where words are compared"),
    pytest.param("sv.yaml", "trades: [kaffe bar]", ["sv.yaml", "trades.0:", "one word"], id="two words for a trade"),
    pytest.param("sv.yaml", "address: ['a*b']", ["sv.yaml", "address.0:", "beginning or end"], id="a star in the middle"),
    pytest.param("sv.yaml", "address: ['--']", ["sv.yaml", "address.0:", "letters"], id="no letters"),
    pytest.param("sv.yaml", "label_parts: {Total: [summa]}", ["sv.yaml", "label_parts.Total"], id="a group's name in capitals"),
    pytest.param("sv.yaml", "trades: [bageri", ["sv.yaml:", "not valid YAML"], id="broken YAML"),
    pytest.param("sv.yaml", "- bageri", ["sv.yaml", "file"], id="no mapping"),
    pytest.param("swedish.yaml", "trades: [bageri]", ["swedish.yaml", "sv.yaml"], id="no language's code"),
    pytest.param("sv.yml", "trades: [bageri]", ["sv.yml", "sv.yaml"], id="another suffix"),
    pytest.param("currencies.yaml", "Kronor: {}", ["currencies.yaml", "Kronor"], id="no currency's code"),
    pytest.param("currencies.yaml", "SEK: {cash_unit: 0}", ["currencies.yaml", "SEK.cash_unit", "greater than 0"], id="no unit"),
])
def test_errors_name_the_file_the_key_and_the_remedy(name: str, text: str, says: list[str], tmp_path: Path) -> None:
    (tmp_path / name).write_text(text)
    with pytest.raises(LexiconError) as error:
        lexicon.load(tmp_path)
    assert all(part in str(error.value) for part in says), str(error.value)


def test_a_folder_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(LexiconError, match="OCTAVO_LEXICONS"):
        lexicon.load(tmp_path / "none")


@pytest.mark.parametrize(("text", "found"), [
    pytest.param("NORTHWIND SDN. BHD.", True, id="with points"),
    pytest.param("NORTHWIND SDNBHD", True, id="without the space"),
    pytest.param("NORTHWIND SON BHD", True, id="one letter misread"),
    pytest.param("NORTHWIND SDN 8HD", True, id="a digit for a letter"),
    pytest.param("NORTHWIND L1MITED", True, id="a misread form of another language"),
    pytest.param("NORTHWIND SON BHO", False, id="two letters misread"),
    pytest.param("NORTHWIND GMBK", False, id="a short form is not forgiven"),
    pytest.param("NO. 5A, JALAN SATU", False, id="a house number is no short form"),
    pytest.param("THE LIMITS OF GROWTH", False, id="a word that only begins like a form"),
])
def test_a_misread_legal_form_is_known_where_it_is_long(text: str, found: bool) -> None:
    assert has_legal_form(text) == found


def test_no_name_is_accepted_for_a_misread_form() -> None:
    assert is_legal(("northwind", "sdn", "bhd"))
    assert not is_legal(("northwind", "son", "bho"))
    assert not is_legal(("northwind", "l1mited"))


@pytest.mark.parametrize(("currency", "exact", "rounded", "expected"), [
    pytest.param("MYR", "12.32", "12.30", True, id="to five cents"),
    pytest.param("NZD", "12.32", "12.30", True, id="to ten cents"),
    pytest.param("NZD", "12.32", "12.35", False, id="no whole unit"),
    pytest.param("SEK", "12.32", "12.00", True, id="to whole crowns"),
    pytest.param("MYR", "12.32", "12.00", False, id="by more than the unit"),
    pytest.param("USD", "12.32", "12.30", False, id="a currency whose cash is not rounded"),
    pytest.param(None, "12.32", "12.30", True, id="an unknown currency has the smallest unit"),
    pytest.param(None, "12.32", "12.00", False, id="and no larger one"),
])
def test_cash_is_rounded_to_the_unit_of_its_currency(currency: str | None, exact: str, rounded: str, expected: bool) -> None:
    assert is_rounded(Decimal(exact), Decimal(rounded), SHIPPED.cash_unit(currency)) == expected


def test_a_shared_mark_stands_for_the_contracts_currency() -> None:
    assert [currency_of("$", currency) for currency in ("CAD", "EUR", None)] == ["CAD", "USD", "USD"]
    assert [currency_of("kr", currency) for currency in ("DKK", None)] == ["DKK", "SEK"]


CONTRACT = "name: slip\ntitle: Slips\n{locale}fields:\n  total:\n    labels:\n      - {label}\n"


@pytest.mark.parametrize(("locale", "label", "expected"), [
    pytest.param("", "Total {MYR}", ("Total {MYR}",), id="braces around anything else stay"),
    pytest.param("locale: {languages: [en]}\n", "'{subtotal}'", ("sub total",), id="one"),
    pytest.param(
        "locale: {languages: [en, de]}\n", "'{gross} {subtotal}'", ("gross sub total", "brutto Zwischensumme"), id="never of two",
    ),
    pytest.param("locale: {languages: [ms, en]}\n", "'{grand_total}'", ("Jumlah Besar", "grand total"), id="their order"),
    pytest.param("locale: {languages: [ms, fr-CA]}\n", "'{subtotal}:'", ("sous-total:",), id="without words, and a region"),
    pytest.param(
        "locale: {decimal: auto}\n", "'{subtotal}'", ("Zwischensumme", "sub total", "sous-total", "subtotaal"), id="all languages",
    ),
])
def test_word_groups_in_labels_are_composed(locale: str, label: str, expected: tuple[str, ...], tmp_path: Path) -> None:
    path = tmp_path / "slip.yaml"
    path.write_text(CONTRACT.replace("{locale}", locale).replace("{label}", label), encoding="utf-8")
    first, second = contracts.load(path), contracts.load(path)
    assert first.fields["total"].labels == expected
    assert first.hash == second.hash


def test_a_label_that_is_composed_twice_stands_once_and_the_others_as_they_are(tmp_path: Path) -> None:
    path = tmp_path / "slip.yaml"
    cells = "{sum: {labels: [Jumlah, '{total}'], not_labels: ['{total} kecil']}, a: {labels: [B, B]}}"
    path.write_text(f"name: slip\ntitle: S\nlocale: {{languages: [ms]}}\nfields:\n  rows: {{type: list, fields: {cells}}}\n")
    made = contracts.load(path).fields["rows"].fields
    assert (made["sum"].labels, made["sum"].not_labels, made["a"].labels) == (("Jumlah",), ("Jumlah kecil",), ("B", "B"))


@pytest.mark.parametrize(("locale", "label", "says"), [
    pytest.param("", "'{totl}'", ["slip.yaml:6", "fields.total.labels.0", "{totl}", "grand_total"], id="an unknown group"),
    pytest.param("locale: {languages: [ms]}\n", "'{tax}'", ["slip.yaml:7", "{tax}", "ms"], id="no words in the language"),
])
def test_a_group_without_words_is_an_error(locale: str, label: str, says: list[str], tmp_path: Path) -> None:
    path = tmp_path / "slip.yaml"
    path.write_text(CONTRACT.replace("{locale}", locale).replace("{label}", label))
    with pytest.raises(ContractError) as error:
        contracts.load(path)
    assert all(part in str(error.value) for part in says), str(error.value)
