"""Who may use the local stack: whoever has its random token or password, from its own address only.

Airflow loads this as its auth manager. Everything listens on 127.0.0.1, which is not enough: other users of the machine reach that too,
and so does any web page that its user opens, by a name of its own that resolves to 127.0.0.1.
"""

from __future__ import annotations

import hmac
import os
from typing import Any
from urllib.parse import urlsplit

from airflow.api_fastapi.app import get_auth_manager, get_cookie_path
from airflow.api_fastapi.auth.managers.base_auth_manager import COOKIE_NAME_JWT_TOKEN
from airflow.api_fastapi.auth.managers.simple.simple_auth_manager import SimpleAuthManager
from airflow.api_fastapi.auth.managers.simple.user import SimpleAuthManagerUser
from fastapi import Request
from fastapi.responses import PlainTextResponse, RedirectResponse, Response
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.types import ASGIApp, Receive, Scope, Send

from scripts.stack import ENTRANCE, TOKEN

HOSTS = ["127.0.0.1", "localhost"]
READ_ONLY = frozenset({"GET", "HEAD", "OPTIONS"})


class LocalAuthManager(SimpleAuthManager):
    """Airflow's simple users and passwords, behind a ``Door``."""

    def get_fastapi_middlewares(self) -> list[tuple[Any, dict[str, Any]]]:
        # The last one sees a request first. Airflow's own, which would end an earlier session after ``enter`` began one, comes behind them.
        return [*super().get_fastapi_middlewares(), (Door, {}), (TrustedHostMiddleware, {"allowed_hosts": HOSTS})]


class Door:
    """Lets in who has the token, and refuses what a page of another site, also of another port, sends. Programs send no ``Origin``."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        app = self._app
        if scope["type"] == "http":
            request = Request(scope)
            if request.url.path == ENTRANCE:
                app = _enter(request.query_params.get("token", ""))
            elif request.method not in READ_ONLY and not _is_own(request):
                app = PlainTextResponse("sent from a page of another site", 403)
        await app(scope, receive, send)


def _is_own(request: Request) -> bool:
    origin, site = request.headers.get("origin"), request.headers.get("sec-fetch-site", "none")
    return site in ("same-origin", "none") and (origin is None or urlsplit(origin).netloc == request.headers.get("host"))


def _enter(token: str) -> Response:
    """The browser's session as admin, for whoever has the token."""
    wanted = os.environ.get(TOKEN, "")
    if not wanted or not hmac.compare_digest(token.encode(), wanted.encode()):
        return PlainTextResponse("The token is not that of this stack; `make status` prints the address that has it.", 403)
    answer = RedirectResponse("/", 303, headers={"Referrer-Policy": "no-referrer", "Cache-Control": "no-store"})
    session = get_auth_manager().generate_jwt(SimpleAuthManagerUser(username="admin", role="ADMIN", teams=None))
    answer.set_cookie(COOKIE_NAME_JWT_TOKEN, session, path=get_cookie_path(), httponly=True, samesite="lax")
    return answer
