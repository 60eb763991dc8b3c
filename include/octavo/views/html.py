"""The pages as HTML. Everything that comes from documents, models or file names is escaped: it is strangers' text."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import urlencode

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from octavo.views.document import DocumentView, FieldView, PageView
from octavo.views.preview import line

HERE = Path(__file__).parent
STATIC = {"octavo.css": "text/css", "octavo.js": "text/javascript"}
"""Files that pages ask for, and their media types."""

_templates = Environment(
    loader=FileSystemLoader(HERE / "templates"), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True,
)
_templates.filters["line"] = line
_templates.filters["query"] = lambda values: urlencode({name: value for name, value in values.items() if value not in (None, "")})


class Links(Protocol):
    """Where the parts of a document's page are."""

    def page(self, number: int) -> str: ...
    def field(self, field: FieldView) -> str: ...
    def picture(self, page: PageView) -> str: ...


@dataclass(frozen=True, slots=True)
class AppLinks:
    """Links of the web app at ``prefix``. They name the day, so that nothing has to be searched."""

    prefix: str
    view: DocumentView

    def _query(self, **more: Any) -> str:
        return urlencode({**more, **self._place()})

    def _place(self) -> dict[str, str]:
        place = {"contract": self.view.contract, "day": self.view.day.isoformat()}
        return {**place, "run": self.view.run} if self.view.run else place

    def page(self, number: int) -> str:
        return f"{self.prefix}/document/{self.view.document}?{self._query(page=number)}"

    def field(self, field: FieldView) -> str:
        page = field.evidence[0].page if field.evidence else field.page or 1
        return f"{self.prefix}/document/{self.view.document}?{self._query(page=page, field=field.key)}"

    def picture(self, page: PageView) -> str:
        return f"{self.prefix}/page/{self.view.document}/{page.number}.jpg?{self._query()}"


class FileLinks:
    """Links within one file that holds everything."""

    def page(self, number: int) -> str:
        return f"#p{number}"

    def field(self, field: FieldView) -> str:
        return f"#f{field.number}"

    def picture(self, page: PageView) -> str:
        return "data:image/jpeg;base64," + base64.b64encode(page.picture or b"").decode()


def render(template: str, prefix: str, **values: Any) -> str:
    """A page of the web app.

    Args:
        template: its file's name.
        prefix: path of the app's root, without a slash at its end; Airflow is one level above it.
        values: what the template shows.
    """
    return _templates.get_template(template).render(prefix=prefix, airflow=prefix.rpartition("/")[0], **values)


def document(
    prefix: str, view: DocumentView, page: PageView | None, number: int, selected: str | None, correct: str | None = None,
    rebuild: str | None = None, started: Any = None,
) -> str:
    """The page ``number`` of a document in the web app, with field ``selected`` lit.

    Args:
        correct: takes forms of people who may correct.
        rebuild: takes the form that starts the rebuilding of the day.
        started: a run that was just started.
    """
    return render(
        "document.html", prefix, view=view, page=page, number=number, selected=selected, links=AppLinks(prefix, view), correct=correct,
        rebuild=rebuild, started=started,
    )


def standalone(view: DocumentView, pages: Sequence[PageView]) -> str:
    """One file that needs no other: every page with its overlays, styles and script; it may run no other script and load nothing."""
    parts = {name: (HERE / "static" / name).read_text(encoding="utf-8") for name in STATIC}
    hashes = {name: _hash(text) for name, text in parts.items()}
    policy = (
        f"default-src 'none'; img-src data:; style-src {hashes['octavo.css']}; script-src {hashes['octavo.js']}; "
        "base-uri 'none'; form-action 'none'"
    )
    return _templates.get_template("standalone.html").render(
        view=view, pages=pages, links=FileLinks(), selected=None, correct=None, policy=policy,
        style=Markup(parts["octavo.css"]), script=Markup(parts["octavo.js"]),  # our own files
    )


def static(name: str) -> bytes:
    """One of ``STATIC``."""
    return (HERE / "static" / name).read_bytes()


def _hash(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def plain(value: Any) -> Any:
    """Nested values as JSON has them, dates and decimals as text."""
    if isinstance(value, Mapping):
        return {name: plain(one) for name, one in value.items()}
    if isinstance(value, list | tuple):
        return [plain(one) for one in value]
    return value if value is None or isinstance(value, str | int | float | bool) else str(value)
