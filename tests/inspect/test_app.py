"""The web app by itself: every route asks who is there, and nothing is told of what the user may not read."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute
from fastapi.testclient import TestClient

from octavo.corrections import CorrectionStore
from tests.inspect.conftest import DAY, HOSTILE_NAME, Shelf


class Editor:
    """Somebody who may edit the DAG."""

    def get_name(self) -> str:
        return "editor"


SCRIPT_FREE = ("<script>", "<img", 'href="javascript:')


@pytest.fixture(scope="module")
def app() -> FastAPI:
    from octavo_airflow.ui.app import app

    return app


@pytest.fixture
def client(app: FastAPI, shelf: Shelf, monkeypatch: pytest.MonkeyPatch) -> Iterator[TestClient]:
    from airflow.api_fastapi.core_api.security import get_user

    from octavo_airflow.ui import corrections
    from octavo_airflow.ui.app import readable_contracts

    monkeypatch.setenv("OCTAVO_LAKE", shelf.settings.lake)
    monkeypatch.setenv("OCTAVO_CONTRACTS", shelf.settings.contracts)
    monkeypatch.setattr(corrections, "may_correct", lambda user, dag: dag == "octavo_letter" and user.get_name() == "editor")
    outer = FastAPI()
    outer.mount("/somewhere/octavo", app)
    monkeypatch.setitem(app.dependency_overrides, get_user, Editor)
    monkeypatch.setitem(app.dependency_overrides, readable_contracts, lambda: {"letter"})
    with TestClient(outer, base_url="http://test/somewhere/octavo/") as made:
        yield made


def calls(dependant: Dependant) -> Iterator[Any]:
    yield dependant.call
    for inner in dependant.dependencies:
        yield from calls(inner)


def test_every_route_asks_for_airflows_user_and_openapi_lists_it(app: FastAPI) -> None:
    from airflow.api_fastapi.core_api.security import get_user

    routes = [route for route in app.routes if isinstance(route, APIRoute)]
    assert len(routes) == len(app.routes) > 8, "a route that is none of FastAPI's own would ask nobody"
    assert [route.path for route in routes if get_user not in set(calls(route.dependant))] == []
    assert {route.path.replace(":path", "") for route in routes} == set(app.openapi()["paths"])
    assert [route.path for route in routes if route.methods != {"GET"}] == ["/document/{document_id}/fields"]


@pytest.mark.parametrize("path", [
    pytest.param("document/{0}?contract=receipt", id="a contract that may not be read"),
    pytest.param("document/../../secrets", id="a path for an id"),
    pytest.param("document/..%2F..%2Fsecrets.json", id="an encoded path"),
    pytest.param("document/{0}?run=..", id="a path for a run"),
    pytest.param("page/{0}/99.jpg", id="a page that is not there"),
    pytest.param("static/..%2Fhtml.py", id="a file beside the static ones"),
    pytest.param("run?dag_id=octavo_receipt&run_id=r1", id="a run of a DAG that may not be read"),
    pytest.param("api/run?dag_id=octavo_letter&run_id=nobody", id="a run that is not there"),
    pytest.param("reports/letter/2026-11-04/..%2F..%2Fx", id="a path among the reports"),
])
def test_what_may_not_be_read_or_is_not_there_is_not_found(client: TestClient, shelf: Shelf, path: str) -> None:
    assert client.get(path.format(shelf.friendly)).status_code == 404


def test_pages_carry_a_policy_without_inline_script_and_links_follow_the_mount(client: TestClient, shelf: Shelf) -> None:
    run = f"run?dag_id=octavo_letter&run_id={shelf.run}"
    for path in ("", "library?value=17", f"document/{shelf.hostile}", run, "run?dag_id=other&run_id=x"):
        answer = client.get(path)
        assert answer.status_code == 200, path
        policy = answer.headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "script-src 'self';" in policy
        assert "unsafe" not in policy
        assert [bad for bad in SCRIPT_FREE if bad in answer.text] == []
        assert 'href="/somewhere/octavo/library"' in answer.text
    assert HOSTILE_NAME.replace("<", "&lt;").split(">")[0].replace("'", "&#39;") in client.get("library").text


def test_pictures_and_json_come_by_id(client: TestClient, shelf: Shelf) -> None:
    picture = client.get(f"page/{shelf.friendly}/2.jpg")
    assert (picture.status_code, picture.headers["content-type"], picture.content[:3]) == (200, "image/jpeg", b"\xff\xd8\xff")
    found = client.get("api/library", params={"field": "total"}).json()
    assert [hit["document"] for hit in found["hits"]] == [shelf.friendly]
    shown = client.get(f"api/document/{shelf.friendly}", params={"page": 2}).json()
    assert {field["path"]: field["value"] for field in shown["fields"]}["total"] == "17.60"
    assert (shown["page"]["number"], shown["page"]["picture"]) == (2, True)
    assert client.get("api/run", params={"dag_id": "octavo_letter", "run_id": shelf.run}).json()["published"] is True
    assert "/library" in client.get("openapi.json").json()["paths"]


def said(shelf: Shelf, **more: str) -> dict[str, str]:
    return {"contract": "letter", "day": DAY.isoformat(), "field": "total", "action": "correct", "value": "17.65", **more}


HERE = {"sec-fetch-site": "same-origin"}


def test_a_correction_is_kept_shown_as_waiting_and_wins_the_next_run(client: TestClient, shelf: Shelf) -> None:
    path = f"document/{shelf.friendly}/fields"
    answer = client.post(path, data=said(shelf), headers=HERE, follow_redirects=False)
    assert answer.status_code == 303, answer.text
    assert answer.headers["location"].startswith(f"/somewhere/octavo/document/{shelf.friendly}?page=2&field=total")
    [kept] = CorrectionStore(shelf.settings.correction_store).history(shelf.friendly)
    assert (kept.field, kept.value, kept.typed, kept.by, kept.previous) == ("total", "17.65", "17.65", "editor", "17.60")
    assert kept.anchor
    assert "17.65" in client.get(f"document/{shelf.friendly}").text
    assert client.get(f"api/document/{shelf.friendly}").json()["waiting"]["total"]["value"] == "17.65"


@pytest.mark.parametrize(("more", "headers", "status"), [
    pytest.param({}, {"sec-fetch-site": "cross-site"}, 403, id="another site's page"),
    pytest.param({}, {"sec-fetch-site": "same-site"}, 403, id="a neighbour's page"),
    pytest.param({}, {"origin": "http://evil.example"}, 403, id="another origin, from an older browser"),
    pytest.param({}, {}, 403, id="nobody knows from where"),
    pytest.param({"contract": "receipt"}, HERE, 404, id="a contract that may not be read"),
    pytest.param({"value": "a lot"}, HERE, 422, id="a value of another type"),
    pytest.param({"field": "../../x"}, HERE, 422, id="a field that the contract lacks"),
    pytest.param({"action": "delete"}, HERE, 422, id="an action that there is not"),
])
def test_what_must_not_be_kept_is_refused(
    client: TestClient, shelf: Shelf, more: dict[str, str], headers: dict[str, str], status: int
) -> None:
    answer = client.post(f"document/{shelf.hostile}/fields", data=said(shelf, **more), headers=headers, follow_redirects=False)
    assert answer.status_code == status, answer.text
    assert CorrectionStore(shelf.settings.correction_store).history(shelf.hostile) == []


def test_who_may_only_read_sees_no_form_and_cannot_correct(client: TestClient, shelf: Shelf, monkeypatch: pytest.MonkeyPatch) -> None:
    from octavo_airflow.ui import corrections

    assert "<form" in client.get(f"document/{shelf.hostile}").text
    monkeypatch.setattr(corrections, "may_correct", lambda user, dag: False)
    assert "<form" not in client.get(f"document/{shelf.hostile}").text
    answer = client.post(f"document/{shelf.hostile}/fields", data=said(shelf), headers=HERE, follow_redirects=False)
    assert answer.status_code == 403
    assert CorrectionStore(shelf.settings.correction_store).history(shelf.hostile) == []
