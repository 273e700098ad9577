"""Where the templates and the static files are."""

from pathlib import Path

_PACKAGE = Path(__file__).resolve().parent
# A wheel carries them inside the package; a checkout has them beside it.
_ASSETS = next(
    (root for root in (_PACKAGE / "_assets", _PACKAGE.parent) if (root / "templates").is_dir()),
    _PACKAGE.parent,
)

TEMPLATES = _ASSETS / "templates"
STATIC = _ASSETS / "static"
