"""The image and the compose file without a Docker engine: each step run by other means, and what a start alone would not show."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pathspec
import pytest
from ruamel.yaml import YAML

from octavo.extraction.vlm.retries import MOST_NEW_TOKENS
from octavo.model.settings import Settings
from octavo.model.tiling import HIGH_TILES, tokens
from scripts.fleet import RECOVERY

ROOT = Path(__file__).resolve().parent.parent
BIN = Path(sys.executable).parent
STEPS = re.sub(r"\\\n\s*", " ", re.sub(r"(?m)^#.*\n", "", (ROOT / "Dockerfile").read_text(encoding="utf-8"))).splitlines()
COMPOSE = YAML(typ="safe").load((ROOT / "docker-compose.yaml").read_text(encoding="utf-8"))
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
AIRFLOW = [name for name, service in SERVICES.items() if service["image"].startswith("octavo:")]
RUN = [step.removeprefix("RUN ") for step in STEPS if step.startswith("RUN ")]
COPY = [source for step in STEPS if step.startswith("COPY ") for source in shlex.split(step)[2:-1]]


def lines(name: str) -> list[str]:
    return [line.split("#")[0].strip() for line in (ROOT / name).read_text(encoding="utf-8").splitlines() if line.split("#")[0].strip()]


def pins(name: str) -> dict[str, str]:
    return dict(line.rstrip(" \\").split("==") for line in lines(name) if "==" in line)


def package(requirement: str) -> str:
    return re.split(r"[\[=<>~! ]", requirement, maxsplit=1)[0].lower().replace("_", "-").replace(".", "-")


def run(*command: str | Path, **options: Any) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT, **options)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with what the Dockerfile copies, less what .dockerignore keeps out."""
    folder = tmp_path_factory.mktemp("image")
    ignored = pathspec.PathSpec.from_lines("gitignore", lines(".dockerignore"))
    for source in COPY:
        path = ROOT / source
        for file in [path] if path.is_file() else [file for file in path.rglob("*") if file.is_file()]:
            relative = file.relative_to(ROOT)
            if not ignored.match_file(relative.as_posix()):
                (folder / relative).parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(file, folder / relative)
    return folder


def test_the_compose_file_follows_the_specification() -> None:
    run(BIN / "check-jsonschema", "--builtin-schema", "vendor.compose-spec", "docker-compose.yaml")


def test_every_copied_path_exists_and_reaches_the_build(image: Path) -> None:
    assert COPY
    assert [source for source in COPY if not (ROOT / source).exists() or not (image / source).exists()] == []


@pytest.mark.parametrize(
    "name", [".env", ".git/config", "var/lake/part.parquet", "samples/truth.jsonl", "include/octavo/__pycache__/model.pyc"]
)
def test_data_secrets_and_caches_stay_out_of_the_build(name: str) -> None:
    assert pathspec.PathSpec.from_lines("gitignore", lines(".dockerignore")).match_file(name)


def test_the_image_installs_the_packages_of_debian_that_the_setup_script_installs() -> None:
    install = re.search(r"apt-get install ([^&]+)", RUN[0])
    assert install
    script = (ROOT / "scripts/setup.sh").read_text(encoding="utf-8")
    assert [name for name in install[1].split() if not name.startswith("-") and not re.search(rf"packages\+=\(.*\b{name}\b", script)] == []


def test_the_pip_step_of_the_core_finds_everything_that_the_tests_run_with(tmp_path: Path) -> None:
    """The step itself, as a dry run without an index: it must be content with this very environment."""
    installed = tmp_path / "installed.txt"
    installed.write_text("".join(f"{name}=={version}\n" for name, version in pins("requirements-core.lock").items()), encoding="utf-8")
    step = RUN[1].replace("${set}", "requirements-core").replace("${OBJECT_STORE}", "s3fs").replace("/tmp/installed.txt", str(installed))
    hashed, store = map(shlex.split, re.findall(r"pip install [^&;]+", step))
    assert {"--require-hashes", "--no-deps"} < set(hashed)
    assert "s3fs" in store
    for pip in (hashed, store):
        assert "Would install" not in run(sys.executable, "-m", *pip, "--dry-run", "--no-index")


@pytest.mark.parametrize("lock", ["requirements-core.lock", "requirements.lock", "requirements-dev.lock"])
def test_every_locked_version_has_the_hashes_of_its_files(lock: str) -> None:
    entries = re.split(r"(?m)^(?=[\w.-]+==)", "\n".join(lines(lock)))[1:]
    assert len(entries) == len(pins(lock)) > 100
    assert [entry for entry in entries if not re.search(r"--hash=sha256:[0-9a-f]{64}", entry)] == []


@pytest.mark.parametrize(("files", "lock"), [
    pytest.param(("requirements-core.txt",), "requirements-core.lock", id="core"),
    pytest.param(("requirements-core.txt", "requirements.txt", "requirements-dev.txt"), "requirements-dev.lock", id="tests"),
    pytest.param(("requirements-core.txt", "requirements.txt"), "requirements.lock", id="with a model"),
])
def test_every_requirement_is_locked_and_agrees_with_its_pin(files: tuple[str, ...], lock: str) -> None:
    locked = pins(lock)
    for requirement in (line for file in files for line in lines(file) if not line.startswith("-r")):
        assert package(requirement) in locked, f"{requirement}: run scripts/lock.py"
        exact = re.search(r"==(\S+)", requirement)
        assert exact is None or locked[package(requirement)] == exact[1]


@pytest.mark.parametrize("lock", ["requirements-dev.lock", "requirements.lock"])
def test_the_core_has_the_same_versions_in_every_lock(lock: str) -> None:
    core, other = pins("requirements-core.lock"), pins(lock)
    assert {name: other.get(name) for name in core} == core


def test_requirements_begin_with_the_core() -> None:
    assert lines("requirements.txt")[0] == "-r requirements-core.txt"


def test_no_file_names_a_package_registry() -> None:
    for path in [*ROOT.glob("requirements*"), ROOT / "Dockerfile", ROOT / "docker-compose.yaml"]:
        assert not re.search(r"index-url|--trusted-host|find-links|https?://[^ ]*(simple|pypi)", path.read_text(encoding="utf-8")), path


def test_the_project_installs_from_what_was_copied(image: Path) -> None:
    assert "pip install --no-cache-dir --no-deps --editable ." in RUN[2]
    pip = ["-m", "pip", "install", "--no-cache-dir", "--no-deps", "--editable", str(image), "--dry-run", "--quiet", "--ignore-installed"]
    report = json.loads(run(sys.executable, *pip, "--report", "-"))
    assert [entry["metadata"]["name"] for entry in report["install"]] == ["octavo"]


def test_the_copied_files_hold_every_contract_and_the_dag_file(image: Path) -> None:
    code = "from octavo.model import contracts, settings as s; print(s.CONTRACTS_FOLDER, len(contracts.load_all(s.CONTRACTS_FOLDER)))"
    folder, count = run(sys.executable, "-c", code, env={**os.environ, "PYTHONPATH": str(image / "include")}).split()
    assert Path(folder) == image / "include" / "octavo" / "contracts"
    assert int(count) == len(list((ROOT / "include" / "octavo" / "contracts").glob("*.yaml")))
    assert list((image / "dags").glob("*.py"))


def test_a_lost_worker_is_noticed_as_soon_as_on_the_stack_that_is_tested() -> None:
    for name in AIRFLOW:
        assert {key: SERVICES[name]["environment"][key] for key in RECOVERY} == RECOVERY, name


def test_the_models_tasks_have_a_worker_with_a_card_and_the_others_one_without() -> None:
    assert SERVICES["worker"]["command"][:4] == ["celery", "worker", "--queues", "default"]
    assert SERVICES["gpu-worker"]["command"][:4] == ["celery", "worker", "--queues", Settings().molmo_queue]
    reserved = {name: service["deploy"]["resources"]["reservations"] for name, service in SERVICES.items() if "deploy" in service}
    assert {name: [device["capabilities"] for device in found["devices"]] for name, found in reserved.items()} == {
        "gpu-worker": [["gpu"]], "vllm": [["gpu"]],
    }
    assert SERVICES["gpu-worker"]["environment"]["OCTAVO_MOLMO_DEVICE"] == "cuda"


def test_the_vllm_server_is_pinned_and_starts_with_room_for_images_alone() -> None:
    """Without these it keeps room for a video item of 31,872 tokens, or lets a held model write spaces for ever."""
    server = SERVICES["vllm"]
    assert re.fullmatch(r"vllm/vllm-openai:v\d+\.\d+\.\d+", server["image"])
    given = dict(word.removeprefix("--").split("=", 1) for word in server["command"] if "=" in word)
    assert json.loads(given["limit-mm-per-prompt"]) == {"image": 1, "video": 0}
    assert json.loads(given["structured-outputs-config"]) == {"backend": "xgrammar", "disable_any_whitespace": True}
    assert given["dtype"] == "bfloat16"
    # The longest answer may have as many tokens as the context, the picture of a page in high detail goes through in one step.
    assert int(given["max-model-len"]) >= MOST_NEW_TOKENS
    assert int(given["max-num-batched-tokens"]) >= tokens(2480, 3508, HIGH_TILES)
    assert "ports" not in server


def test_the_documented_command_of_vllm_is_that_of_the_compose_file() -> None:
    command = re.search(r"(?s)docker run [^`]*vllm/vllm-openai[^`]*", (ROOT / "docs" / "molmo.md").read_text(encoding="utf-8"))
    assert command
    words = shlex.split(command[0].replace("\\\n", " "))
    server = SERVICES["vllm"]
    assert server["image"] in words
    plain = [re.sub(r"\$\{\w+:-([^}]*)\}", r"\1", word) for word in server["command"]]
    assert [word for word in plain if word not in words and not word.startswith("--revision")] == []


def test_each_image_is_built_by_one_service_and_the_others_never_ask_a_registry_for_it() -> None:
    """A build that is inherited builds one tag as often as there are services; a pull would take a stranger's image of that name."""
    built = {name: SERVICES[name]["image"] for name in SERVICES if "build" in SERVICES[name]}
    assert built == {"init": "octavo:latest", "gpu-worker": "octavo:molmo"}
    assert {SERVICES[name].get("pull_policy") for name in AIRFLOW} == {"never"}
    assert not (ROOT / "Dockerfile").read_text(encoding="utf-8").startswith("# syntax"), "it would need a registry"


def test_no_health_check_starts_airflow() -> None:
    """An `airflow` command takes seconds of a processor; Celery's own takes one, so it is asked once a minute."""
    for name in AIRFLOW:
        check = SERVICES[name]["healthcheck"]
        asked = " ".join(check.get("test", []))
        assert not re.search(r"\bairflow\b", asked.replace("AIRFLOW__", "")), name
        assert "celery" not in asked or check["interval"] == "60s", name


def test_postgres_is_asked_where_the_others_reach_it() -> None:
    """While its database is made it serves the socket alone, and is not ready yet."""
    assert SERVICES["postgres"]["healthcheck"]["test"][2:4] == ["--host", "localhost"]


def test_a_service_leaves_no_volume_without_a_name() -> None:
    """The images of PostgreSQL and Redis declare these folders as volumes."""
    assert "postgres:/var/lib/postgresql/data" in SERVICES["postgres"]["volumes"]
    assert SERVICES["redis"]["tmpfs"] == ["/data"]


def test_the_documented_workers_end_by_themselves_and_are_not_asked_for_an_api_server() -> None:
    text = (ROOT / "docs" / "fleet.md").read_text(encoding="utf-8").replace("\\\n", " ")
    commands = re.findall(r"(?m)^\$ (docker run .* celery worker .*)$", text)
    assert len(commands) == 2
    for command in commands:
        assert {"DUMB_INIT_SETSID=0", "--stop-timeout", "--no-healthcheck"} <= set(shlex.split(command))


def test_secrets_are_long_enough_for_the_tokens_signature() -> None:
    assert "token_urlsafe(64)" in (ROOT / ".env.example").read_text(encoding="utf-8")


def test_nothing_runs_as_root_and_no_service_has_a_capability() -> None:
    image = [step.split()[1] for step in STEPS if step.startswith("USER ")][-1]
    users = {"image": image, **{name: service["user"] for name, service in SERVICES.items()}}
    assert [name for name, user in users.items() if user.split(":")[0] in ("0", "root")] == []
    assert [name for name, service in SERVICES.items() if service["cap_drop"] != ["ALL"]] == []


def test_only_the_ui_is_published_and_only_on_the_loopback() -> None:
    ports = {name: service["ports"] for name, service in SERVICES.items() if "ports" in service}
    assert set(ports) == {"api-server"}
    assert all(port.startswith("127.0.0.1:") for port in ports["api-server"])


def test_secrets_come_from_the_environment_file_and_are_asked_for() -> None:
    text = (ROOT / "docker-compose.yaml").read_text(encoding="utf-8")
    asked = set(re.findall(r"\$\{(\w+):\?", text))
    example = (ROOT / ".env.example").read_text(encoding="utf-8")
    asked |= {secret["environment"] for secret in COMPOSE["secrets"].values()}
    assert asked == set(re.findall(r"(?m)^(\w+)=$", example)), "a secret without a line in .env.example, or one with a value there"
    assert set(re.findall(r"(?<!\$)\$\{(\w+)", text)) | {"AIRFLOW_ADMIN_PASSWORD"} == asked | set(re.findall(r"(?m)^#(\w+)=", example))
    for service in SERVICES.values():
        for key, value in service.get("environment", {}).items():
            assert not re.search(r"PASSWORD$|SECRET|FERNET|AUTH$", key) or str(value).startswith("${"), key
    assert run("git", "check-ignore", ".env").strip() == ".env"


def test_no_container_has_the_admins_password_but_the_one_that_writes_the_login() -> None:
    for name, service in SERVICES.items():
        given = json.dumps([service.get("environment", {}), service.get("command", []), service.get("entrypoint", [])])
        assert "${AIRFLOW_ADMIN_PASSWORD" not in given, name
        assert service.get("secrets", []) == (["admin_password"] if name == "init" else []), name


def test_the_init_service_prepares_login_and_pools(tmp_path: Path) -> None:
    """Its script runs here, with a stand-in for the airflow command that keeps what it is asked."""
    stand_in = f'#!/bin/bash\necho "$@" >> {tmp_path}/asked\n[ "$1" = pools ] && cp "$3" {tmp_path}/pools.json || true\n'
    (tmp_path / "airflow").write_text(stand_in)
    (tmp_path / "airflow").chmod(0o755)
    (tmp_path / "python").symlink_to(sys.executable)
    script = SERVICES["init"]["command"][0].replace("$$", "$")
    (tmp_path / "admin_password").write_text('a"b')
    for there, here in {"/var/lib/octavo/auth": tmp_path, "/run/secrets": tmp_path, "/tmp/pools": tmp_path / "made"}.items():
        script = script.replace(there, str(here))
    environment = {"PATH": f"{tmp_path}:{os.environ['PATH']}", "AIRFLOW_CHECKS_PASSWORD": "c", "OCTAVO_PROCESSES": "3", "OCTAVO_GPUS": "1"}
    run(*SERVICES["init"]["entrypoint"], script, env=environment)
    assert (tmp_path / "asked").read_text().splitlines() == [
        "db check --retry 30 --retry-delay 2", "db migrate", f"pools import {tmp_path}/made.json",
    ]
    pools = json.loads((tmp_path / "pools.json").read_text())
    assert {name: pool["slots"] for name, pool in pools.items()} == {"octavo_ocr": 3, "molmo_gpu": 1}
    assert json.loads((tmp_path / "passwords.json").read_text()) == {"admin": 'a"b', "checks": "c"}
    assert (tmp_path / "passwords.json").stat().st_mode & 0o077 == 0
