"""Serving the web console that was built into the package."""

from __future__ import annotations

import secrets
from importlib import resources
from pathlib import Path

from fastapi import FastAPI, Request
from fastapi.responses import FileResponse, HTMLResponse, Response

from sightline.core.errors import NotFoundError
from sightline.server.headers import console_policy

NONCE_MARK = "__CSP_NONCE__"
NOT_BUILT = (
    "<!doctype html><html lang=en><meta charset=utf-8><title>Sightline</title><h1>The console is not built</h1>"
    "<p>The API works. To build the console: <code>make run</code>, or "
    "<code>npm ci</code> and <code>npm run build</code> in the folder console.</p>"
)


def folder() -> Path:
    """Return where the built console lies."""
    return Path(str(resources.files("sightline.server"))) / "console"


def mount(app: FastAPI) -> None:
    """Let an app answer every address that is not the API's with the console; its pages find their own way."""

    @app.get("/{path:path}", include_in_schema=False)
    def console(path: str, request: Request) -> Response:
        """Return a file of the console, or its one page."""
        if path.startswith("api/"):
            raise NotFoundError(f"there is no address /{path}")
        found = _file(path)
        if found is not None:
            forever = path.startswith("assets/")
            return FileResponse(found, headers={"Cache-Control": "public, max-age=31536000, immutable" if forever else "no-cache"})
        if path.startswith("assets/"):
            raise NotFoundError(f"there is no file /{path}")
        return _page()


def _file(path: str) -> Path | None:
    root = folder().resolve()
    try:
        found = (root / path).resolve()
        return found if path and found.is_relative_to(root) and found.is_file() and found.name != "index.html" else None
    except (OSError, ValueError):  # too long for a name, or with a NUL in it: no file is called that
        return None


def _page() -> Response:
    page = folder() / "index.html"
    nonce = secrets.token_urlsafe(16)
    content = page.read_text("utf-8").replace(NONCE_MARK, nonce) if page.is_file() else NOT_BUILT
    return HTMLResponse(content, headers={"Content-Security-Policy": console_policy(nonce), "Cache-Control": "no-store"})
