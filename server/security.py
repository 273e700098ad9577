"""Security headers of every response, and the content security policy of pages."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

_IMPORT_MAP = re.compile(r"<script\s+type=\"importmap\"[^>]*>(.*?)</script>", re.DOTALL)


def content_security_policy(*script_hashes: str) -> str:
    """The policy: everything from this server; inline scripts only with the hashes given."""
    scripts = " ".join(["'self'", *(f"'{value}'" for value in script_hashes)])
    return "; ".join(
        [
            "default-src 'self'",
            f"script-src {scripts}",
            "style-src 'self'",
            "img-src 'self' data: blob:",
            "connect-src 'self'",
            "object-src 'none'",
            "base-uri 'none'",
            "form-action 'self'",
            "frame-ancestors 'none'",
        ]
    )


@lru_cache(maxsize=16)
def script_hash(text: str) -> str:
    """The hash source of an inline script, such as ``sha256-...``."""
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def import_map_hashes(page: str) -> list[str]:
    """Hash sources of the import maps of a rendered page, the only inline scripts."""
    return [script_hash(text) for text in _IMPORT_MAP.findall(page)]


CAMERA_POLICY = "camera=(self), microphone=(), geolocation=()"
"""The Permissions-Policy of a page on which a camera can be the input."""

SECURITY_HEADERS = {
    "Content-Security-Policy": content_security_policy(),
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=()",
}
"""Headers of every response that does not set them itself."""


SECURITY_FIELDS = tuple(
    (name.lower().encode(), value.encode()) for name, value in SECURITY_HEADERS.items()
)
"""The same as they are sent."""


def cross_origin(origins: Sequence[str]) -> dict[str, Any]:
    """Arguments of CORSMiddleware: pages of these origins may ask, without cookies."""
    return {
        "allow_origins": origins,
        "allow_methods": ["GET", "HEAD", "POST"],
        "allow_headers": [
            "Authorization",
            "Content-Type",
            "Inference-Header-Content-Length",
            "X-API-Key",
            "X-Request-ID",
        ],
        "expose_headers": [
            "ETag",
            "Inference-Header-Content-Length",
            "RateLimit",
            "RateLimit-Policy",
            "Retry-After",
            "X-Request-ID",
        ],
    }
