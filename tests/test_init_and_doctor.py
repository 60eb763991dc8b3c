"""``octavo init`` and ``octavo doctor``: what somebody does first."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from octavo.model import contracts
from octavo.reading import engine
from octavo.storage import fs
from octavo.workflows import doctor
from tests.command_line import octavo

SETTINGS = {"OCTAVO_OCR_PROFILE": "best"}


@pytest.fixture
def own(tmp_path: Path) -> Path:
    done = octavo("init", tmp_path / "own", "--contract", "receipt")
    assert done.exit_code == 0, done.output
    return tmp_path / "own"


def environment(folder: Path) -> dict[str, str]:
    """What a shell that reads the file has."""
    said = subprocess.run(["bash", "-c", f". {folder}/octavo.env && env -0"], check=True, capture_output=True, text=True, env={}).stdout
    return dict(line.split("=", 1) for line in said.split("\0") if line)


def test_init_makes_a_folder_that_works(own: Path) -> None:
    assert [contract.name for contract in contracts.load_all(own / "contracts")] == ["receipt"]
    assert sorted(path.name for path in (own / "dags").glob("*.py")) == ["octavo_contract_errors.py", "octavo_dags.py", "octavo_history.py"]
    assert len([path for path in (own / "landing").rglob("*") if path.is_file()]) == 9
    found = environment(own)
    assert {name: Path(found[f"OCTAVO_{name.upper()}"]) for name in ("contracts", "landing", "lake")} == {
        name: own / name for name in ("contracts", "landing", "lake")
    }
    assert found["AIRFLOW__CORE__DAGS_FOLDER"] == str(own / "dags")
    pools = json.loads((own / "pools.json").read_text())
    assert pools["octavo_ocr"]["slots"] == int(found["OCTAVO_PROCESSES"])
    readme = (own / "README.md").read_text()
    assert '--conf \'{"day": "2026-11-02"}\'' in readme
    assert str(own / "octavo.env") in readme


def test_init_leaves_what_is_there(own: Path) -> None:
    contract, settings = own / "contracts" / "receipt.yaml", own / "octavo.env"
    contract.write_text("name: receipt\ntitle: Mine\nfields:\n  total: {type: money}\n")
    settings.write_text("export OCTAVO_LAKE=s3://mine\n")
    assert octavo("init", own, "--contract", "receipt", "--contract", "form").exit_code == 0
    assert contracts.load(contract).title == "Mine"
    assert settings.read_text() == "export OCTAVO_LAKE=s3://mine\n"
    assert (own / "contracts" / "form.yaml").is_file()


def test_init_names_the_contracts_that_there_are(tmp_path: Path) -> None:
    done = octavo("init", tmp_path / "own", "--contract", "receit")
    assert done.exit_code != 0
    assert "no contract receit is shipped; there are: adbuy," in done.stderr
    assert not (tmp_path / "own").exists()


@pytest.fixture
def alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without Airflow's part, which asks a real one."""
    monkeypatch.setattr(doctor, "entry_points", lambda group: ())


def findings(own: Path, code: int, **settings: str) -> dict[str, dict[str, Any]]:
    done = octavo("doctor", "--json", env={**environment(own), **SETTINGS, **settings})
    assert done.exit_code == code, done.output
    said = json.loads(done.stdout)
    assert said["ok"] is (code == 0)
    return {one["name"]: one for one in said["checks"]}


@pytest.mark.usefixtures("alone")
def test_doctor_finds_nothing_wrong_with_a_fresh_folder_and_leaves_no_trace(own: Path) -> None:
    found = findings(own, 0, OCTAVO_PROCESSES="1")
    assert {name for name, one in found.items() if one["state"] == "problem"} == set()
    assert {"contracts", "gate", "reading", "landing", "lake", "state", "memory", "model"} <= set(found)
    assert [path for path in (own / "lake").rglob("*") if path.is_file()] == []


@pytest.mark.usefixtures("alone")
@pytest.mark.parametrize(("settings", "name", "said"), [
    pytest.param({"OCTAVO_CONTRACTS": "/nowhere"}, "contracts", "has no sound contract", id="no contract"),
    pytest.param({"OCTAVO_LANGUAGES": "ell"}, "reading", "does not read ell", id="a language that nobody reads"),
    pytest.param({"OCTAVO_LAKE": "/proc/octavo"}, "lake", "cannot be written", id="a lake that cannot be written"),
    pytest.param({"OCTAVO_MOLMO_MODEL": "m", "OCTAVO_MOLMO_RUNTIME": "openai", "OCTAVO_MOLMO_BASE_URL": "http://127.0.0.1:9/v1"}, "model",
                 "127.0.0.1:9", id="an endpoint that does not answer"),
])
def test_doctor_names_what_is_wrong_with_its_remedy(settings: dict[str, str], name: str, said: str, own: Path) -> None:
    found = findings(own, 5, **settings)
    assert found[name]["state"] == "problem"
    assert said in found[name]["said"]
    assert found[name]["remedy"]


@pytest.mark.usefixtures("alone")
def test_doctor_tells_a_setting_that_is_misspelt(own: Path) -> None:
    found = findings(own, 0, OCTAVO_PROCESSES="1", OCTAVO_LANDNG="x", OCTAVO_SOMETHING_ELSE="x")
    assert (found["settings"]["said"], found["settings"]["state"]) == ("nothing reads OCTAVO_LANDNG", "warning")
    assert "OCTAVO_LANDING is a setting" in found["settings"]["remedy"]


@pytest.mark.usefixtures("alone")
def test_doctor_refuses_a_store_that_overwrites_what_must_only_be_made_once(own: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def careless(path: Any, data: bytes) -> bool:
        fs.write_bytes(path, data)
        return True

    monkeypatch.setattr(fs, "create", careless)
    assert "conditional puts" in findings(own, 5)["lake"]["remedy"]


@pytest.mark.usefixtures("alone")
def test_an_ocr_package_that_is_missing_is_named_with_the_extra_that_brings_it(own: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from importlib.metadata import PackageNotFoundError

    def version(name: str) -> str:
        if name == "rapidocr":
            raise PackageNotFoundError(name)
        return "1"

    monkeypatch.setattr(engine, "version", version)
    engine.find.cache_clear()
    found = findings(own, 5)
    engine.find.cache_clear()
    assert "octavo[ocr]" in found["reading"]["said"] + found["reading"]["remedy"]
