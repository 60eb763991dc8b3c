"""Which documents were erased on purpose: one empty note per sha256, so that a file that is still in the landing folder does not come back.

    {lake}/_forgotten/{sha256}

A note says nothing but that somebody wanted this content gone; the content cannot be made from it.
"""

from __future__ import annotations

from dataclasses import dataclass

from upath import UPath

from octavo.storage import fs


@dataclass(frozen=True, slots=True)
class Forgotten:
    """The notes below one lake."""

    lake: UPath

    @property
    def root(self) -> UPath:
        return self.lake / "_forgotten"

    def documents(self) -> set[str]:
        """The sha256 of every document that is not to be taken again."""
        return {file.path.name for file in fs.files_under(self.root)}

    def add(self, document: str) -> None:
        fs.write_bytes(self.root / document, b"")

    def remove(self, document: str) -> bool:
        """Let the document be taken again; False when it was not noted."""
        note = self.root / document
        if not note.exists():
            return False
        note.unlink()
        return True
