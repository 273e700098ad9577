"""What is known of a model beside what it does: its card, and what was measured of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from models import load_left_out, load_report
from server.errors import NotFound
from server.services.catalog import Model


@dataclass(frozen=True)
class Card:
    """A model card, and the report of an evaluation where one is kept for these weights."""

    fields: dict[str, Any]
    report: dict[str, Any] | None


def card_of(model: Model) -> Card:
    """The card of a model that was trained here; raises NotFound for others."""
    if "trained" not in model.card:
        raise NotFound(
            f"{model.title} has no card: it was not trained here.",
            pointer="name",
            value=model.name,
        )
    report = load_report(model.name)
    if report is not None:
        # Recorded later than the report, perhaps: it is of another network.
        report = {**report, "left_out": report.get("left_out") or load_left_out(model.name)}
    return Card(model.card, report)
