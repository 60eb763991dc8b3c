"""Only its user reaches the local stack: by token or password, under its own address, from its own pages."""

from __future__ import annotations

import json
import os
import pwd
from collections.abc import Iterator
from pathlib import Path

import pytest
from airflow.api_fastapi.core_api.app import init_middlewares
from fastapi import FastAPI
from fastapi.testclient import TestClient

from scripts import database, login
from scripts.database import Database, ForeignFolder, own_folder
from scripts.stack import TOKEN, Stack, StackError

HERE = "http://127.0.0.1:8080"


@pytest.fixture
def client(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[TestClient]:
    """Airflow's own middlewares, and the login's pages, around one address to write to."""
    passwords = tmp_path / "passwords.json"
    passwords.write_text(json.dumps({"admin": "right"}))
    for name, value in {
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE": str(passwords), "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS": "admin:admin",
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_ALL_ADMINS": "False", "AIRFLOW__API_AUTH__JWT_SECRET": "s" * 64, TOKEN: "a-token",
    }.items():
        monkeypatch.setenv(name, value)
    from airflow.api_fastapi import app as airflow_app

    manager = login.LocalAuthManager()
    monkeypatch.setattr(airflow_app._AuthManagerState, "instance", manager)
    monkeypatch.setattr(login.LocalAuthManager, "generate_jwt", lambda self, user, **_: f"session of {user.get_name()}")
    app = FastAPI()

    @app.api_route("/write", methods=["GET", "POST", "DELETE"])
    def write() -> str:
        return "done"

    auth = manager.get_fastapi_app()
    assert auth is not None
    app.mount("/auth", auth)
    init_middlewares(app)
    with TestClient(app, base_url=HERE, follow_redirects=False) as client:
        yield client


def test_a_name_that_resolves_to_this_machine_is_not_its_address(client: TestClient) -> None:
    assert client.get("/write", headers={"Host": "evil.example:8080"}).status_code == 400
    assert client.get("/write", headers={"Host": "localhost:8080"}).status_code == 200


@pytest.mark.parametrize("headers", [
    pytest.param({"Origin": "https://evil.example"}, id="another site"),
    pytest.param({"Origin": "http://127.0.0.1:9999"}, id="another port of this machine"),
    pytest.param({"Origin": "null"}, id="a page without an address"),
    pytest.param({"Sec-Fetch-Site": "cross-site"}, id="another site, as the browser says"),
    pytest.param({"Sec-Fetch-Site": "same-site"}, id="another port, as the browser says"),
])
@pytest.mark.parametrize("method", ["POST", "DELETE"])
def test_a_page_of_another_site_writes_nothing(client: TestClient, method: str, headers: dict[str, str]) -> None:
    assert client.request(method, "/write", headers=headers).status_code == 403


@pytest.mark.parametrize("headers", [
    pytest.param({}, id="a program"), pytest.param({"Origin": HERE, "Sec-Fetch-Site": "same-origin"}, id="a page of its own"),
])
def test_its_own_pages_and_programs_write(client: TestClient, headers: dict[str, str]) -> None:
    assert client.post("/write", headers=headers).status_code == 200


def test_the_printed_address_logs_in_and_no_other_does(client: TestClient) -> None:
    answer = client.get("/auth/enter", params={"token": "a-token"})
    assert (answer.status_code, answer.headers["location"]) == (303, "/")
    assert 'session of admin' in answer.headers["set-cookie"]
    assert "httponly" in answer.headers["set-cookie"].lower()
    assert client.get("/auth/enter", params={"token": "a-token"}, headers={"Cookie": "_token=of-another-stack"}).headers.get_list(
        "set-cookie") == [answer.headers["set-cookie"]]
    client.cookies.clear()
    for wrong in ("", "a-tokem"):
        refused = client.get("/auth/enter", params={"token": wrong})
        assert refused.status_code == 403
        assert "set-cookie" not in refused.headers


def test_nobody_is_admin_without_a_login(client: TestClient) -> None:
    assert client.get("/auth/token").status_code == 403
    assert client.post("/auth/token", json={"username": "admin", "password": "guessed"}).status_code == 401
    assert client.post("/auth/token", json={"username": "admin", "password": "right"}).json()["access_token"] == "session of admin"


def test_each_stack_has_a_token_and_passwords_of_its_own(tmp_path: Path) -> None:
    one, other = Stack(tmp_path / "one", 1), Stack(tmp_path / "other", 1)
    environment = one.environment()
    assert environment["AIRFLOW__CORE__AUTH_MANAGER"] == "scripts.login.LocalAuthManager"
    assert "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_ALL_ADMINS" not in environment
    assert one.entrance.endswith(environment[TOKEN])
    assert len(environment[TOKEN]) >= 43
    assert environment[TOKEN] == Stack(tmp_path / "one", 1).environment()[TOKEN] != other.environment()[TOKEN]
    assert (tmp_path / "one" / "secrets.json").stat().st_mode & 0o077 == 0


def test_keys_of_an_earlier_version_stay_and_get_what_they_lack(tmp_path: Path) -> None:
    (tmp_path / "secrets.json").write_text(json.dumps({"fernet": "f", "api": "a", "jwt": "j"}))
    environment = Stack(tmp_path, 1).environment()
    assert environment["AIRFLOW__CORE__FERNET_KEY"] == "f"
    assert environment[TOKEN]


def test_a_folder_that_somebody_else_has_made_is_not_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    target = tmp_path / "target"
    target.mkdir()
    (tmp_path / "link").symlink_to(target)
    with pytest.raises(ForeignFolder, match="remove it"):
        own_folder(tmp_path / "link")
    monkeypatch.setattr(os, "geteuid", lambda: 4711)
    with pytest.raises(ForeignFolder, match="remove it"):
        own_folder(target)


def test_a_folder_of_its_own_is_closed_to_others(tmp_path: Path) -> None:
    own_folder(tmp_path / "own")
    (tmp_path / "own").chmod(0o777)
    own_folder(tmp_path / "own")
    assert (tmp_path / "own").stat().st_mode & 0o777 == 0o700


def test_a_stack_does_not_start_on_a_strangers_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.gettempdir", lambda: str(tmp_path))
    stack = Stack(tmp_path / "var", 0)
    stack._socket.parent.symlink_to(tmp_path)
    with pytest.raises(StackError, match="remove it"):
        stack.start()


def test_the_database_opens_no_folder_to_others(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    nobody = pwd.getpwnam("nobody")
    monkeypatch.setattr(database, "_account", lambda user: nobody)
    if os.geteuid():  # only root gives the data to another user
        monkeypatch.setattr(os, "chown", lambda *given: None)
    closed = tmp_path / "closed"
    (closed / "var" / "postgres").mkdir(parents=True)
    closed.chmod(0o700)
    found = Database(closed / "var" / "postgres")
    with pytest.raises(ForeignFolder, match="closed to nobody"):
        found._let_in(nobody)
    assert closed.stat().st_mode & 0o777 == 0o700
    assert (closed / "var").stat().st_mode & 0o007 == 0
