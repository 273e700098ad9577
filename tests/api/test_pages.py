"""Pages, static files and headers."""

from __future__ import annotations

import base64
import hashlib
import re
from pathlib import Path

import pytest
from jinja2 import UndefinedError
from starlette.requests import Request

from server.pages import Pages
from server.paths import STATIC, TEMPLATES
from server.static_files import FolderVersion
from tests.support.asgi import Client

PAGES = ["/", "/compare", "/docs"]
BROWSER = {"Accept": "text/html"}


@pytest.mark.parametrize("address", [*PAGES, "/nothing"])
def test_the_policy_allows_what_the_page_holds_and_nothing_else(
    client: Client, address: str
) -> None:
    response = client.get(address, headers=BROWSER)
    assert response.headers["content-type"] == "text/html; charset=utf-8"
    policy = dict(
        directive.split(" ", 1)
        for directive in response.headers["content-security-policy"].split("; ")
    )
    inline = re.findall(r"<script(?![^>]*src=)([^>]*)>(.*?)</script>", response.text, re.DOTALL)
    scripts = [text for kind, text in inline if "application/json" not in kind]
    hashes = [
        "'sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() + "'"
        for text in scripts
    ]
    assert policy["script-src"].split() == ["'self'", *hashes]
    assert policy["default-src"] == policy["style-src"] == policy["connect-src"] == "'self'"
    assert "unsafe" not in str(policy)
    assert " style=" not in response.text
    assert not re.findall(r"\son\w+=", response.text)


@pytest.mark.parametrize("address", PAGES)
def test_pages_need_nothing_from_elsewhere(client: Client, address: str) -> None:
    page = client.get(address).text
    links = re.findall(r'(?:src|href)="([^"]+)"', page)
    assert links
    for link in links:
        assert link.startswith(("/", "#")), link
        if link.startswith("/static/") and "/vendor/" not in link:
            assert client.get(link).status_code == 200, link


@pytest.mark.parametrize(
    "address", [*PAGES, "/healthz", "/favicon.ico", "/api/v1/models", "/nothing"]
)
def test_security_headers_everywhere(client: Client, address: str) -> None:
    headers = client.get(address).headers
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["x-frame-options"] == "DENY"
    assert headers["referrer-policy"] == "no-referrer"
    assert "frame-ancestors 'none'" in headers["content-security-policy"]


def test_the_draw_page_knows_the_model(client: Client) -> None:
    assert 'data-model="doodle-classifier"' in client.get("/").text


def test_static_files(client: Client) -> None:
    icon = client.get("/favicon.ico")
    assert icon.headers["content-type"].startswith("image/svg+xml")
    script = next(file for file in sorted((STATIC / "js").rglob("*.js")))
    address = f"/static/{script.relative_to(STATIC)}"
    response = client.get(address)
    assert response.headers["content-type"].startswith("text/javascript")
    assert response.headers["cache-control"] == "no-cache"
    again = client.get(address, headers={"If-None-Match": response.headers["etag"]})
    assert again.status_code == 304
    assert client.request("HEAD", "/").status_code == 200


def test_what_a_page_needs_is_kept_by_browsers(client: Client) -> None:
    links = re.findall(r'(?:src|href)="(/static/[^"]+)"', client.get("/").text)
    prefixes = {link[: link.index("/", len("/static/"))] for link in links}
    assert len(links) > 10
    assert len(prefixes) == 1, "one version for all"
    (prefix,) = prefixes
    assert re.fullmatch(r"/static/@[0-9a-f]{12}", prefix)
    for link in (f"{prefix}/js/controllers/draw.js", f"{prefix}/css/base.css"):
        kept = client.get(link)
        assert kept.headers["cache-control"] == "public, max-age=31536000, immutable"
        plain = client.get(link.replace(prefix, "/static"))
        assert (plain.headers["cache-control"], plain.content) == ("no-cache", kept.content)
        # Of a server that has other files.
        other = client.get(link.replace(prefix, "/static/@0123456789ab"))
        assert (other.headers["cache-control"], other.content) == ("no-cache", kept.content)
    missing = client.get(f"{prefix}/js/nothing.js")
    assert missing.status_code == 404
    assert missing.headers["cache-control"] == "no-store"


def test_no_module_names_what_it_needs_without_a_version() -> None:
    """An import by a relative address is below the version of the page; others are not."""
    found = {
        file.relative_to(STATIC).as_posix()
        for file in (STATIC / "js").rglob("*.js")
        if re.search(r"(?:from|import|Worker\() *\(?\"/", file.read_text(encoding="utf-8"))
    }
    assert found == {"js/workers/map_layout.js"}, "a vendored module, at the address tsc knows"


def test_templates_are_where_the_package_says() -> None:
    assert (TEMPLATES / "base.html").is_file()


def test_a_template_that_uses_what_it_is_not_given_fails(tmp_path: Path) -> None:
    (tmp_path / "page.html").write_text("{{ nobody_gives_this }}")
    request = Request({"type": "http", "method": "GET", "path": "/", "headers": []})
    with pytest.raises(UndefinedError):
        Pages(tmp_path, tmp_path, FolderVersion(tmp_path)).render(request, "page.html", {})


def test_the_import_map_is_hashed_as_it_is_written(tmp_path: Path) -> None:
    (tmp_path / "importmap.json").write_text('{"imports": {"a": "/static/a.js", "b": "</script>"}}')
    (tmp_path / "page.html").write_text('<script type="importmap">{{ import_map }}</script>')
    request = Request({"type": "http", "method": "GET", "path": "/", "headers": []})
    response = Pages(tmp_path, tmp_path, FolderVersion(tmp_path)).render(request, "page.html", {})
    page = bytes(response.body).decode()
    text = page.removeprefix('<script type="importmap">').removesuffix("</script>")
    assert "</script>" not in text
    digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
    assert f"'sha256-{digest}'" in response.headers["content-security-policy"]
