"""The pages: Jinja2 templates with one context, and a policy that fits what they hold."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup
from starlette.requests import Request
from starlette.responses import HTMLResponse

from server import __version__
from server.observation import caller_of
from server.security import content_security_policy, import_map_hashes
from server.static_files import MARK, FolderVersion

IMPORT_MAP = "importmap.json"
"""File among the static files that maps the names of browser modules to their addresses."""


class Pages:
    """Renders the templates of one directory."""

    def __init__(self, templates: Path, static: Path, version: FolderVersion) -> None:
        self._environment = Environment(
            loader=FileSystemLoader(templates),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._templates = templates
        self._import_map = static / IMPORT_MAP
        self._static_version = version

    def has(self, template: str) -> bool:
        """Whether there is such a template."""
        return (self._templates / template).is_file()

    def render(
        self,
        request: Request,
        template: str,
        context: Mapping[str, Any],
        *,
        status: int = 200,
    ) -> HTMLResponse:
        """A page; every template has the members of ``shared`` besides."""
        shared = {
            "request": request,
            "version": __version__,
            "static": f"/static/{MARK}{self._static_version.current()}",
            "import_map": self._import_map_text(),
            "page": "",
            "caller": caller_of(request.scope),
        }
        page = self._environment.get_template(template).render(shared | dict(context))
        policy = content_security_policy(*import_map_hashes(page))
        headers = {"Content-Security-Policy": policy, "Cache-Control": "no-cache"}
        return HTMLResponse(page, status, headers)

    def _import_map_text(self) -> Markup:
        if not self._import_map.is_file():
            return Markup('{"imports": {}}')
        text = json.dumps(json.loads(self._import_map.read_text(encoding="utf-8")))
        return Markup(text.replace("<", "\\u003c"))


def wants_page(request: Request) -> bool:
    """Whether a browser asks for a page: text/html is accepted, and the address is no API's."""
    accepts = request.headers.get("accept", "")
    return "text/html" in accepts and not request.url.path.startswith("/api/")
