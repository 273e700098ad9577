"""A report as one HTML file that opens without a server or a network."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from server.evaluation import charts
from server.evaluation.report import Report
from server.paths import STATIC, TEMPLATES
from server.training.card import DATA_ATTRIBUTION

STYLES = ("tokens.css", "card.css")
PLAIN = "body{margin:0;background:var(--ground)}"


def as_html(report: Report) -> str:
    """The whole report, with pictures and styles in it."""
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    styles = [(STATIC / "css" / name).read_text(encoding="utf-8") for name in STYLES]
    return environment.get_template("report.html").render(
        report=asdict(report),
        charts=charts,
        styles="\n".join([*styles, PLAIN]),
        attribution=DATA_ATTRIBUTION,
    )


def write_html(report: Report, path: Path) -> None:
    """Write it; raises OSError."""
    path.write_text(as_html(report), encoding="utf-8")
