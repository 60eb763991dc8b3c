"""What documents and their names hold reaches neither logs as values nor terminals as orders."""

from __future__ import annotations

import io
import json
import logging
import pickle
from pathlib import Path

import pytest
from rich.table import Table
from upath import UPath

from octavo.cli import output
from octavo.ingest.discovery import find
from octavo.model.errors import Quarantined, Reason, SettingsError
from octavo.model.printing import fit_to_print
from octavo.storage.children import _last_line

OSC52 = "\x1b]52;c;ZWNobyBoYWNrZWQ=\x07"  # writes the terminal's clipboard
HOSTILE = f"a{OSC52}\x9b31m‮fdp.exe\r\nforged line"


@pytest.mark.parametrize(("text", "printed"), [
    pytest.param("Rechnung Müller 東京 فاتورة.pdf", "Rechnung Müller 東京 فاتورة.pdf", id="any script"),
    pytest.param("Screenshot 9.41\u202fAM.png", "Screenshot 9.41\u202fAM.png", id="a narrow blank, as macOS writes it"),
    pytest.param("a\x1b[2Jb", "a\\x1b[2Jb", id="an escape sequence"),
    pytest.param("a\x9dc\x85", "a\\x9dc\\x85", id="control characters of eight bits"),
    pytest.param("gpj.\u202eexe", "gpj.\\u202eexe", id="text that is turned"),
    pytest.param("a\nb", "a\\nb", id="a line feed"),
    pytest.param("\udce9", "\\udce9", id="half of a pair"),
])
def test_what_a_terminal_would_obey_is_escaped_and_all_else_stays(text: str, printed: str) -> None:
    assert fit_to_print(text) == printed


def test_the_command_line_sends_no_order_of_a_document_to_the_terminal() -> None:
    console = output.CleanConsole(file=io.StringIO(), force_terminal=True, width=400)
    console.print(HOSTILE)
    table = Table("name")
    table.add_row(HOSTILE)
    console.print(table)
    console.json({"value": HOSTILE})
    said = console.file.getvalue()  # type: ignore[attr-defined]
    for order in ("\x1b]", "\x9b", "\x07", "\u202e", "\r"):
        assert order not in said
    assert json.loads(said.splitlines()[-1]) == {"value": HOSTILE}


def test_errors_say_names_fit_to_print_and_pickle() -> None:
    for error in (SettingsError(f"no document {HOSTILE}"), Quarantined(Reason.CORRUPT, HOSTILE)):
        said = str(pickle.loads(pickle.dumps(error)))
        assert "\\x1b]52" in said
        assert not {"\x1b", "\x07", "\x9b", "\r", "\u202e"} & set(said)


def test_names_in_logs_are_fit_to_print(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "day").mkdir()
    (tmp_path / "day" / f"x{OSC52}.pdf").symlink_to("/etc/passwd")
    with caplog.at_level(logging.WARNING):
        assert find(UPath(tmp_path / "day"), ["*"], 0) == []
    assert "\\x1b]52" in caplog.text
    assert "\x1b]52" not in caplog.text


@pytest.mark.parametrize(("stderr", "said"), [
    pytest.param('Traceback\n  File "/a/b/pdf.py", line 7, in f\n    int(text)\nValueError: invalid literal: \'Ann Smith\'\n',
                 "ValueError at line 7 of pdf.py", id="a Python error"),
    pytest.param("terminate called\nstack\x1b[2J smashed\n", "stack\\x1b[2J smashed", id="native code"),
    pytest.param("", "", id="nothing"),
])
def test_a_dead_childs_last_words_quote_no_document(stderr: str, said: str) -> None:
    assert _last_line(stderr) == said
