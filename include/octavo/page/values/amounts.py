"""Amounts of money in running text, with what stands around them: one grammar finds them, and reads one that stands alone.

An amount is a number with what may stand on either side of it: signs, a currency's mark or code, words of credit and debit, brackets. What
stands there and is none of these leaves the amount in *doubt*: a reader would wonder what it says.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from decimal import Decimal
from typing import NamedTuple

from octavo.model.contracts import Locale, Marks
from octavo.model.lexicon import current
from octavo.page.values.currencies import codes
from octavo.page.values.numbers import CORE, GROUPS, MINUS, SPACED_GROUPS, read_core, style_of

# Brackets that make an amount negative (accountants' parentheses, and angle brackets of line printers), and those of which nobody knows.
_NEGATIVE = {"(": ")", "<": ">", "（": "）", "‹": "›", "⟨": "⟩", "〈": "〉", "＜": "＞"}
_UNCLEAR = {"[": "]", "{": "}"}
_BRACKETS = _NEGATIVE | _UNCLEAR
_CLOSING = frozenset(_BRACKETS.values())
# Triangles that Japanese accounts print before a negative amount, and the letters that are drawn like them.
_TRIANGLES = "△▲Δ∆"
_MARK, _PLUS, _SIGN, _CREDIT, _DEBIT, _LESS = "mark", "plus", "sign", "credit", "debit", "less"
# The marks of a field's own, which may stand in a column of theirs.
_OWN_PLUS, _OWN_MINUS = "own plus", "own minus"
_OWN = (_OWN_PLUS, _OWN_MINUS)
# Symbols that fonts, forms and rulings print beside amounts without a meaning: footnotes, fillers, equals, leaders, lines.
_HARMLESS = frozenset("=|*#@^`´¨¦©®™°§†‡■□▪●○◆►▶→_")
# The kinds of characters of which an unknown one leaves an amount in doubt: symbols of mathematics and currencies, and others.
_SYMBOLS = frozenset({"Sm", "Sc", "So", "Sk"})
# Two decimals, as most amounts have them.
CENTS = re.compile(r"\d[.,]\d{2}(?!\d)")
_PLACES = r"(?: ?[.,] ?\d{{2}}{three})"
_CODE = re.compile(r"(?<![^\W\d_])[A-Z]{3}(?![^\W\d_])\s?", re.IGNORECASE)


class AmountSpan(NamedTuple):
    """An amount found in a text: the characters ``start`` to ``end`` (exclusive), signs, marks and brackets included.

    ``doubt`` says in words what beside it cannot be placed; it is empty where nothing is.
    """

    start: int
    end: int
    value: Decimal
    doubt: str = ""


class _Affix(NamedTuple):
    kind: str
    start: int
    end: int
    text: str
    gap: int  # spaces between it and the amount


class _Side(NamedTuple):
    """How far an amount reaches to one side, and what it bears there."""

    edge: int
    found: tuple[_Affix, ...]


class Amounts:
    """Finds and reads the amounts of one locale.

    In a text two spaces are a wide gap, more are one that parts columns, and line breaks part lines.
    """

    def __init__(self, locale: Locale, marks: Marks | None = None) -> None:
        self.style = style = style_of(locale)
        lexicon = current()
        words = dict.fromkeys((*lexicon.marks_of(locale.currency), *((locale.currency or "").casefold().split())), _MARK)
        for group, kind in (("credits", _CREDIT), ("debits", _DEBIT), ("minus", _LESS)):
            words |= {word.casefold().rstrip("."): kind for word in lexicon.words(group)}
        if marks is not None:
            words |= {mark.casefold().rstrip("."): kind for kind, own in zip(_OWN, (marks.plus, marks.minus), strict=True) for mark in own}
        self._words = words
        self._longest = max(map(len, words))
        self._begins, self._ends = ({char for word in words for char in (word[at], word[at].upper())} for at in (0, -1))
        self._ends |= {".", *_BRACKETS}
        self._printed = frozenset(lexicon.printed_marks) | lexicon.own_marks(locale.currency) | {locale.currency}
        cents = _PLACES.format(three=r"|[.,]\d{3}" if style.cents == 3 else "")
        end = r"(?![\d/%]|[.,]\d|\s?%|:\d)"
        dashes = rf"[.,][{MINUS}]{{1,2}}(?!\d)"
        self._plain = re.compile(rf"(?<![\d./])(?<!\d,)(?:{GROUPS}|\d+)(?P<cents>{cents}|{dashes})?{end}")
        places = "{2,3}" if style.cents == 3 else "{2}"
        self._spaced = re.compile(rf"(?<![\d.,/])(?:{SPACED_GROUPS})(?P<cents>[.,]\d{places})?{end}")
        self._core = re.compile(CORE)

    def parse(self, text: str) -> Decimal | None:
        """The one amount that a text is, whole amounts without a mark too; None for none, several, or anything beside it."""
        value = self._whole(text)
        if value is None:
            bare = _CODE.sub("", text)  # the code of any currency, of which texts do not have more
            value = self._whole(bare) if bare != text and codes().issuperset(map(str.upper, re.findall(r"[^\W\d_]{3}", text))) else None
        return value

    def _whole(self, text: str) -> Decimal | None:
        found = self._core.search(text)
        span = self._around(text, found.start(), found.end(), found.group()) if found else None
        return span.value if span is not None and (span.start, span.end) == (0, len(text)) else None

    def find(self, text: str) -> Iterator[AmountSpan]:
        """The amounts in a text: those with decimals, and whole ones beside a mark or of a currency without decimals."""
        at = 0
        spaced = self._spaced.search(text)
        while (plain := self._plain.search(text, at)) is not None:
            if spaced is not None and spaced.start() < at:
                spaced = self._spaced.search(text, at)
            together = spaced is not None and spaced.start() <= plain.start() and self._is_one(text, spaced)
            found = spaced if spaced is not None and together else plain
            span = self._around(text, found.start(), found.end(), found.group())
            if span is not None and span.start < at:  # a mark between two amounts belongs to the one before it
                span = self._around("\n" * at + text[at:], found.start(), found.end(), found.group())
            if span is not None and (found["cents"] or self._is_thousandths(span) or self._is_money(text, span, found)):
                yield span
                at = span.end
            else:
                at = found.end()

    def _is_one(self, text: str, spaced: re.Match[str]) -> bool:
        """Whether spaces group thousands: before a decimal comma, in languages that write so, and behind a currency's mark."""
        comma = spaced["cents"] and spaced["cents"].startswith(",")
        marked = self._before(text, spaced.start())
        beside = marked is not None and marked.kind == _MARK and marked.gap < 2
        behind = self._behind(text, spaced.end())
        whole = not spaced["cents"] and self.style.spaces and behind is not None and behind.kind == _MARK and behind.gap < 2
        return bool(comma or (self.style.spaces and spaced["cents"]) or beside or whole)

    def _is_thousandths(self, span: AmountSpan) -> bool:
        """Whether an amount of a currency with three decimals has them."""
        return self.style.cents == 3 and span.value.as_tuple().exponent == -3

    def _is_money(self, text: str, span: AmountSpan, found: re.Match[str]) -> bool:
        """Whether a number without decimals is an amount."""
        before, behind = self._before(text, found.start()), self._behind(text, found.end())
        while before is not None and before.kind in (_SIGN, _PLUS, "("):
            before = self._before(text, before.start)
        if before is not None and before.kind == _MARK and before.gap < 2:
            return text[found.end():found.end() + 1] not in (".", ",")
        if behind is not None and behind.kind == _MARK and behind.gap < 2 and behind.text in self._printed:
            return True
        following = text[found.end():found.end() + 2]
        glued = following[:1].isalpha() or (following[:1] in MINUS and following[1:].isalnum())
        return self.style.cents == 0 and not glued and text[max(0, span.start - 1):span.start] in ("", " ", "\n", ":")

    def _around(self, text: str, start: int, end: int, core: str) -> AmountSpan | None:
        value = read_core(core, self.style, money=True)
        if value is None:
            return None
        whole = core.isdecimal() or not re.search(r"[.,]\d{1,2}$", core)
        left, right = self._left(text, start), self._right(text, end, whole)
        opening = text[self._skip_back(text, left.edge) - 1:self._skip_back(text, left.edge)]
        found, negative = [*left.found, *right.found], False
        doubt: str | None = ""
        if opening in _BRACKETS:
            close = self._skip(text, right.edge)
            if text[close:close + 1] == _BRACKETS[opening]:
                inner_start, inner_end = self._skip_back(text, left.edge) - 1, close + 1
                left, right = self._left(text, inner_start), self._right(text, inner_end, whole)
                found += [*left.found, *right.found]
                if opening in _NEGATIVE:
                    negative = True
                else:
                    doubt = f"it stands in {opening}{_BRACKETS[opening]}"
        credit, debit = (any(one.kind == kind for one in found) for kind in (_CREDIT, _DEBIT))
        signed = negative or any(one.kind == _SIGN for one in found)
        if (signed or any(one.kind == _PLUS for one in found)) and (credit or debit):
            doubt = "it has a sign and a word of credit or debit"
        own = {one.kind for one in found if one.kind in _OWN}
        if own and (signed or len(own) > 1):
            doubt = "it has a sign and a mark, or two marks"
        negative = negative or _OWN_MINUS in own
        if any(one.kind == _LESS for one in found):
            negative, doubt = True, doubt or f"“{next(one.text for one in found if one.kind == _LESS)}” stands before it"
        doubt = doubt or self._doubt(text, left, right)
        if doubt is None:
            return None
        return AmountSpan(left.edge, right.edge, -value if negative or signed or credit else value, doubt)

    def _left(self, text: str, edge: int) -> _Side:
        found: list[_Affix] = []
        while (one := self._before(text, edge)) is not None and one.kind != "(":
            seen = {other.kind for other in found}
            if one.kind in seen or (one.kind == _SIGN and not self._may_be_sign(text, one)):
                break
            if one.gap > 2 or (one.gap == 2 and not (one.kind == _SIGN or (one.kind == _MARK and not one.text.isalpha()))):
                break
            found.append(one)
            edge = one.start
        return _Side(edge, tuple(found))

    def _may_be_sign(self, text: str, one: _Affix) -> bool:
        """Whether a dash before an amount is its sign: it is not glued to a word, unless to a currency's mark."""
        before = text[one.start - 1:one.start]
        if one.gap > 1 and before not in ("", " ", "\n"):
            return False
        if not before.isalnum():
            return True
        mark = self._before(text, one.start)
        return mark is not None and mark.kind == _MARK and mark.gap == 0 and one.gap == 0

    def _right(self, text: str, edge: int, whole: bool) -> _Side:
        found: list[_Affix] = []
        while (one := self._behind(text, edge)) is not None:
            seen = {other.kind for other in found}
            if one.kind in seen or (one.gap > 1 and one.kind not in _OWN):
                break
            if one.kind == _SIGN:
                following = text[one.end:one.end + 2]
                ends = following[:1] in ("", "\n") or following == "  " or following.strip()[:1] in (*_CLOSING, "")
                if not ends if one.gap else following[:1].isalnum():
                    break
                if whole and self.style.cents == 0 and not one.gap:
                    one = one._replace(kind="cents")  # ¥13,200-
            found.append(one)
            edge = one.end
        return _Side(edge, tuple(found))

    def _doubt(self, text: str, left: _Side, right: _Side) -> str | None:
        """What stands beside an amount and cannot be placed, in words; None where it is no amount but part of something longer."""
        before, behind = text[left.edge - 1:left.edge], text[right.edge:right.edge + 1]
        outer = left.found[-1] if left.found else None
        if before.isalnum() and before not in _TRIANGLES and (outer is None or outer.kind != _MARK or outer.text.isalpha()):
            return None
        further = text[max(0, left.edge - 2):max(0, left.edge - 1)]
        if (before and before in ".,/") or (before and before in MINUS and further.isalnum()) or (before == ":" and further.isdigit()):
            return None
        for one in left.found:
            if one.kind == _SIGN and one.text in MINUS:
                if one.gap > 1:
                    return f"“{one.text}” stands far before it"
                if one.gap == 1 and text[:one.start].rstrip(" ")[-1:].isdigit() and text[one.start - 2:one.start] != "  ":
                    return f"“{one.text}” stands between it and another number"
        far = self._before(text, left.edge)
        if far is not None and far.kind == _SIGN and far.gap > 2:
            head = text[text.rfind("\n", 0, far.start) + 1:far.start]
            if (not head or head.endswith("  ")) and not any(map(str.isdigit, head)):
                return f"“{far.text}” stands alone between it and its label"
        if before.isalnum():
            return f"“{before}{outer.text if outer else ''}” is no known currency"
        for char, alone in ((before, True), (behind, True), *self._lone(text, left.edge, right.edge)):
            if char and alone and char not in _HARMLESS and (unicodedata.category(char) in _SYMBOLS or char in MINUS):
                return f"“{char}” beside it is no known sign"
        if before in _NEGATIVE and _NEGATIVE[before] not in text[right.edge:].partition("\n")[0]:
            return f"“{before}” before it is not closed"
        head = text[text.rfind("\n", 0, left.edge) + 1:left.edge] if behind in _CLOSING else ""
        if behind in _NEGATIVE.values() and not any(one in head for one, close in _NEGATIVE.items() if close == behind):
            return f"“{behind}” behind it was not opened"
        return ""

    @staticmethod
    def _lone(text: str, start: int, end: int) -> Iterator[tuple[str, bool]]:
        """The symbols that stand alone, one space before and behind an amount; dashes there part it from a word."""
        before, behind = text[max(0, start - 3):start], text[end:end + 3]
        if len(before) > 1 and before[-1] == " " and before[-2] not in MINUS:
            yield before[-2], before[:-2] in ("", " ", "\n")
        if len(behind) > 1 and behind[0] == " " and behind[1] not in MINUS:
            yield behind[1], behind[2:] in ("", " ", "\n")

    @staticmethod
    def _skip(text: str, at: int) -> int:
        while text[at:at + 1] == " ":
            at += 1
        return at

    @staticmethod
    def _skip_back(text: str, at: int) -> int:
        while at > 0 and text[at - 1] == " ":
            at -= 1
        return at

    def _before(self, text: str, edge: int) -> _Affix | None:
        """The sign, mark or word right before a place, its gap in spaces; None for anything else."""
        end = self._skip_back(text, edge)
        if end == 0:
            return None
        char, gap = text[end - 1], edge - end
        if char in MINUS or char in _TRIANGLES:
            return _Affix(_SIGN, end - 1, end, char, gap)
        if char == "+":
            return _Affix(_PLUS, end - 1, end, char, gap)
        if char not in self._ends:
            return None
        if char in _BRACKETS:
            return _Affix("(", end - 1, end, char, gap)
        last = end - 1 if char == "." else end
        for length in range(min(self._longest, last), 0, -1):
            start = last - length
            kind = self._words.get(text[start:last].casefold())
            if kind and not (text[start].isalpha() and start > 0 and text[start - 1].isalnum()):
                return _Affix(kind, start, end, text[start:last], gap)
        return None

    def _behind(self, text: str, edge: int) -> _Affix | None:
        """As ``_before``, right behind a place."""
        start = self._skip(text, edge)
        char, gap = text[start:start + 1], start - edge
        if not char:
            return None
        if char in MINUS:
            return _Affix(_SIGN, start, start + 1, char, gap)
        if char == "+":
            return _Affix(_PLUS, start, start + 1, char, gap)
        if char not in self._begins:
            return None
        for length in range(min(self._longest, len(text) - start), 0, -1):
            end = start + length
            kind = self._words.get(text[start:end].casefold())
            if kind and kind != _LESS and not text[end:end + 1].isalnum():
                dot = text[end:end + 1] == "." and text[start].isalpha()
                return _Affix(kind, start, end + dot, text[start:end], gap)
        return None
