"""Lexicons: the words of a language that decide about answers, as YAML files, and what belongs to a currency.

``lexicons/`` beside this module holds one file a language and ``currencies.yaml``. ``OCTAVO_LEXICONS`` names a folder of
a user's own files, which add to the shipped ones. docs/lexicons.md shows every key.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from functools import cache, cached_property, lru_cache
from itertools import product
from pathlib import Path
from typing import Annotated, Any, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, RootModel, ValidationError
from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError

from octavo.model.digest import digest
from octavo.model.errors import LexiconError
from octavo.model.settings import Settings

SHIPPED = Path(__file__).resolve().parent / "lexicons"
CURRENCIES = "currencies"
# A language's code in ISO 639.
_LANGUAGE = re.compile(r"[a-z]{2,3}")
# The groups of what begins a line of sums: "Total", "Brought forward".
SUMS = ("sums", "carries")
# A word group in a label of a contract.
PART = re.compile(r"\{([a-z][a-z0-9_]*)\}")
_MARKS = re.compile(r"\*|[.,]|\s+|-|[^*.,\s-]+")


def _entry(text: str) -> str:
    if not any(char.isalnum() for char in text) or "*" in text[1:-1]:
        raise ValueError("an entry has letters, and a * at its beginning or end only; change it")
    return text


def _without_star(text: str) -> str:
    if "*" in text:
        raise ValueError("is compared word by word; write out every form of it, without *")
    return text


def _one_word(text: str) -> str:
    if not text.isalnum():
        raise ValueError("is compared word by word; write one word, without marks")
    return text


Entry = Annotated[str, AfterValidator(_entry)]
Words = tuple[Entry, ...]
PlainWords = tuple[Annotated[Entry, AfterValidator(_without_star)], ...]
SingleWords = tuple[Annotated[Entry, AfterValidator(_one_word)], ...]
Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")]
M = TypeVar("M", bound=BaseModel)


class _LexiconFile(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class FieldNameWords(_LexiconFile):
    """Words in the names of fields by which the draft of a contract tells their type."""

    name: Words = ()
    phone: Words = ()
    address: Words = ()
    identifier: Words = ()


class Language(_LexiconFile):
    """The words of one language; docs/lexicons.md says what each key decides."""

    legal_forms: PlainWords = ()
    trades: SingleWords = ()
    owners: Words = ()
    titles: Words = ()
    registration: Words = ()
    number_words: Words = ()
    id_words: Words = ()
    contact: Words = ()
    address: Words = ()
    label_nouns: Words = ()
    name_labels: Words = ()
    salutations: Words = ()
    name_lists: Words = ()
    ranges: Words = ()
    range_starts: PlainWords = ()
    yes: PlainWords = ()
    no: PlainWords = ()
    sums: Words = ()
    carries: Words = ()
    before_time: Words = ()
    after_time: Words = ()
    credits: PlainWords = ()
    debits: PlainWords = ()
    minus: PlainWords = ()
    domains: Words = ()
    label_parts: dict[Name, PlainWords] = Field(default_factory=dict)
    field_names: FieldNameWords = FieldNameWords()


class Currency(_LexiconFile):
    """How a currency is printed beside its code, and what sums are rounded to that are paid in cash; None: they are not.

    ``own_marks`` are marks too where it is the contract's currency, and words or letters of anything else where it is not.
    """

    marks: tuple[Annotated[str, Field(min_length=1)], ...] = ()
    own_marks: tuple[Annotated[str, Field(min_length=1)], ...] = ()
    cash_unit: Annotated[Decimal, Field(gt=0)] | None = None


class _Currencies(RootModel[dict[Annotated[str, Field(pattern=r"^[A-Z]{3}$")], Currency]]):
    """The file ``currencies.yaml``."""


class Lexicon:
    """The words of all languages, and the currencies.

    Args:
        languages: by their code; the order is that in which composed labels stand.
        currencies: by their code; where several have one mark the first counts.
    """

    def __init__(self, languages: Mapping[str, Language], currencies: Mapping[str, Currency]) -> None:
        self.languages = dict(languages)
        self.currencies = dict(currencies)
        self.words = cache(self._words)
        self.pattern = cache(self._pattern)
        self.cash_unit = cache(self._cash_unit)
        self.marks_of = cache(self._marks_of)

    @cached_property
    def digest(self) -> str:
        """sha256 of all words; comments, and the order of keys, do not count."""
        return digest({
            "languages": {code: language.model_dump(mode="json") for code, language in self.languages.items()},
            "currencies": [[code, currency.model_dump(mode="json")] for code, currency in self.currencies.items()],
        })

    def _words(self, *groups: str) -> tuple[str, ...]:
        """The entries of word groups, such as ``trades`` or ``field_names.phone``, in all languages; each once."""
        found: dict[str, None] = {}
        for group in groups:
            head, _, rest = group.partition(".")
            for language in self.languages.values():
                value = getattr(language, head)
                found |= dict.fromkeys(getattr(value, rest) if rest else value)
        return tuple(found)

    def _pattern(self, *groups: str) -> re.Pattern[str]:
        """Finds any entry of the groups as whole words, upper and lower case alike."""
        return re.compile(rf"(?<!\w){alternatives(self.words(*groups))}(?!\w)", re.IGNORECASE)

    def is_one(self, group: str, text: str) -> bool:
        """Whether a text is nothing but one entry of a group, marks around it aside."""
        found = self.pattern(group).search(text)
        return found is not None and not any(map(str.isalnum, text[: found.start()] + text[found.end() :]))

    def begins(self, text: str, *groups: str) -> bool:
        """Whether a text begins with an entry of groups, marks before it aside."""
        found = self.pattern(*groups).search(text)
        return found is not None and not any(map(str.isalnum, text[: found.start()]))

    @cached_property
    def currency_marks(self) -> dict[str, tuple[str, ...]]:
        """The currencies of each mark and code, casefolded, in the order of the file."""
        found: dict[str, tuple[str, ...]] = {}
        for code, currency in self.currencies.items():
            for mark in (*currency.marks, code):
                found[mark.casefold()] = (*found.get(mark.casefold(), ()), code)
        return found

    def _marks_of(self, currency: str | None) -> dict[str, tuple[str, ...]]:
        """``currency_marks`` with the own marks of a contract's currency."""
        return self.currency_marks | {mark.casefold(): (str(currency),) for mark in self.own_marks(currency)}

    def own_marks(self, currency: str | None) -> frozenset[str]:
        """The marks that a currency has where it is the contract's only."""
        return frozenset(self.currencies[currency].own_marks if currency in self.currencies else ())

    @cached_property
    def printed_marks(self) -> tuple[str, ...]:
        """Every mark and code of a currency as it is printed, the longest first."""
        marks = {mark for code, currency in self.currencies.items() for mark in (*currency.marks, code)}
        return tuple(sorted(marks, key=lambda mark: (-len(mark), mark)))

    @cached_property
    def fillers(self) -> frozenset[str]:
        """Letters of what may stand between a label and its value without parting them: marks of currencies, words for a number.

        Marks with small letters are left out, since they are words as well: ``Fr`` is the country of a VAT number, ``Ft`` are feet.
        """
        marks = ("".join(filter(str.isalnum, mark)) for mark in self.printed_marks if mark.isupper())
        numbers = (word for word in self.words("number_words") if word.isalpha())
        return frozenset(word.casefold() for word in (*marks, *numbers) if len(word) > 1)

    def _cash_unit(self, currency: str | None) -> Decimal | None:
        """What sums in a currency are rounded to for cash; of an unknown one (None) the smallest unit that any has."""
        if currency is not None:
            return self.currencies[currency].cash_unit if currency in self.currencies else None
        return min((one.cash_unit for one in self.currencies.values() if one.cash_unit is not None), default=None)

    def composed(self, label: str, languages: Sequence[str] | None) -> Iterator[str]:
        """The labels that a label with word groups stands for: ``{total} {incl} {tax}`` is ``Total incl. VAT`` and so on.

        Args:
            label: a text; names in ``{}`` are groups of ``label_parts``. Without one it stands for itself.
            languages: whose words are put together, never those of one language with another's; None: all.

        Raises:
            ValueError: a group is unknown, or no one language has them all.
        """
        names = PART.findall(label)
        if not names:
            yield label
            return
        known = sorted({name for language in self.languages.values() for name in language.label_parts})
        for name in names:
            if name not in known:
                raise ValueError(f"{{{name}}} is no word group of a lexicon; there are {', '.join(known)} (docs/lexicons.md)")
        chosen = self.languages if languages is None else {code.split("-")[0]: None for code in languages}
        found = False
        for code in chosen:
            parts = self.languages[code].label_parts if code in self.languages else {}
            for choice in product(*(parts.get(name, ()) for name in names)):
                found = True
                words = iter(choice)
                yield PART.sub(lambda _: next(words), label)  # noqa: B023  # used up before the next choice
        if not found:
            raise ValueError(f"{label!r}: no language of {', '.join(chosen)} has words for all of it; add them (docs/lexicons.md)")


def alternatives(words: Sequence[str]) -> str:
    """A pattern of any of the entries, the longest first: marks and spaces in them may be missing, ``*`` is any more letters."""
    return "(?:" + "|".join(map(source_of, sorted(words, key=lambda word: (-len(word), word)))) + ")" if words else "(?!)"


def source_of(entry: str) -> str:
    """One entry as a pattern."""
    made = []
    parts = _MARKS.findall(entry)
    for at, part in enumerate(parts):
        if part == "*":
            made.append(r"\w*")
        elif part in ".,":
            made.append(r"[.,]*" if at == len(parts) - 1 else r"(?:[.,]+\s?)?")
        elif part == "-":
            made.append(r"[-\s]?")
        else:
            made.append(r"\s*" if part.isspace() else re.escape(part))
    return "".join(made)


@lru_cache(maxsize=1)
def current() -> Lexicon:
    """The shipped lexicon with what the folder of ``OCTAVO_LEXICONS`` adds; a process reads it once.

    Raises:
        LexiconError: names file, key and what to change, one line per problem.
    """
    folder = Settings().lexicons
    return load(Path(folder)) if folder else load()


def load(folder: Path | None = None) -> Lexicon:
    """The shipped lexicon, with what a folder adds to it.

    Args:
        folder: files named as the shipped ones. Their words go behind the shipped ones of the language; a currency's
            ``cash_unit`` replaces the shipped one. A language that does not ship is a new one.

    Raises:
        LexiconError: names file, key and what to change, one line per problem.
    """
    languages: dict[str, Language] = {}
    currencies: dict[str, Currency] = {}
    if folder is not None and not folder.is_dir():
        raise LexiconError(f"{folder}: no such folder; OCTAVO_LEXICONS names the folder of lexicon files")
    for path in (*sorted(SHIPPED.glob("*.yaml")), *(sorted(folder.glob("*.y*ml")) if folder is not None else ())):
        if path.stem == CURRENCIES:
            for code, currency in _read(path, _Currencies).root.items():
                currencies[code] = _extended(currencies[code], currency) if code in currencies else currency
        elif path.suffix == ".yaml" and _LANGUAGE.fullmatch(path.stem):
            language = _read(path, Language)
            languages[path.stem] = _extended(languages[path.stem], language) if path.stem in languages else language
        else:
            raise LexiconError(f"{path}: call a lexicon by its language's code, such as sv.yaml, or {CURRENCIES}.yaml")
    return Lexicon(languages, currencies)


def _extended(shipped: M, own: M) -> M:
    """``shipped`` with what ``own`` says: lists and mappings are joined, any other value replaces."""
    changed: dict[str, Any] = {}
    for key in own.model_fields_set:
        old, new = getattr(shipped, key), getattr(own, key)
        if isinstance(new, tuple):
            new = tuple(dict.fromkeys((*old, *new)))
        elif isinstance(new, dict):
            new = old | {name: tuple(dict.fromkeys((*old.get(name, ()), *words))) for name, words in new.items()}
        elif isinstance(new, BaseModel):
            new = _extended(old, new)
        changed[key] = new
    return shipped.model_copy(update=changed)


def _read(path: Path, model: type[M]) -> M:
    try:
        tree = YAML(typ="safe").load(path.read_text(encoding="utf-8"))
    except MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise LexiconError(f"{path}:{line}: not valid YAML: {error.problem}") from error
    except UnicodeDecodeError as error:
        raise LexiconError(f"{path}: not UTF-8; save it as UTF-8") from error
    try:
        return model.model_validate({} if tree is None else tree)
    except ValidationError as error:
        problems = [f"{path}: {'.'.join(str(part) for part in one['loc']) or 'file'}: {_remedy(one)}" for one in error.errors()]
        raise LexiconError("\n".join(problems)) from error


def _remedy(error: Any) -> str:
    given = error["input"]
    shown = f" (found {given!r})" if isinstance(given, str | int | float | bool) else ""
    match error["type"]:
        case "extra_forbidden":
            return "no such key; check its spelling against docs/lexicons.md"
        case "string_type":
            return f"is no text; put it in quotes{shown}"
        case "tuple_type":
            return f"is no list; write [{given}]"
        case _:
            return f"{error['msg'].removeprefix('Value error, ')}{shown}"
