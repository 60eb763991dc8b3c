"""Texts from strangers' documents and file names, made fit for logs, terminals and forms."""

from __future__ import annotations

import unicodedata

# Unicode's categories of what no terminal, log or form is to be sent: control characters (a terminal obeys them: OSC 52 writes its
# clipboard), characters that turn or hide the text beside them, halves of pairs, and line separators.
_UNFIT = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})


def fit_to_print(text: str, keep: str = "") -> str:
    """``text`` with each unfit character written as its escape, such as ``\\x1b``; all others, of any script, stay.

    Args:
        keep: characters that stay whatever they are, such as a line feed.
    """
    if text.isascii() and text.isprintable():
        return text
    return "".join(char if char in keep or unicodedata.category(char) not in _UNFIT else _escaped(char) for char in text)


def _escaped(char: str) -> str:
    return char.encode("unicode_escape", "surrogatepass").decode("ascii")
