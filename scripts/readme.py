"""Write the README's tables from the code and the model card: `python -m scripts.readme`."""

import json
import sys
from pathlib import Path

from models import ARCHITECTURES
from models.registry import WEIGHTS
from server.settings import Settings
from server.training.card import multiply_accumulates

ROOT = Path(__file__).resolve().parent.parent
README = ROOT / "README.md"
CARD = WEIGHTS / "doodle-classifier.json"


def settings_table() -> str:
    """Return the settings, each with its variable, default and meaning."""
    rows = [
        f"| `DOODLESCOPE_{name.upper()}` | `{field.default}` | {field.description} |"
        for name, field in Settings.model_fields.items()
    ]
    return "\n".join(["| variable | default | meaning |", "|---|---|---|", *rows])


def accuracy_table() -> str:
    """Return the figures of the model card, one row for each set of drawings measured on."""
    card = json.loads(CARD.read_text(encoding="utf-8"))
    rows = [
        f"| {name} | {figures['n']:,} | {figures['top1']:.1%} | {figures['top3']:.1%} "
        f"| {figures['map3']:.3f} |"
        for name, figures in card["accuracy"].items()
    ]
    return "\n".join(
        ["| drawings | number | top-1 | top-3 | MAP@3 |", "|---|---|---|---|---|", *rows]
    )


def networks_table() -> str:
    """Return the networks, each with its size, what its code shows, and how it does on test."""
    rows = []
    for name, architecture in ARCHITECTURES.items():
        network = architecture()
        file = f"models/{type(network).__module__.rpartition('.')[2]}.py"
        card = WEIGHTS / f"{name}.json"
        accuracy = json.loads(card.read_text(encoding="utf-8"))["accuracy"] if card.exists() else {}
        top1 = f"{accuracy['test']['top1']:.1%}" if "test" in accuracy else "–"
        parameters = sum(parameter.numel() for parameter in network.parameters())
        rows.append(
            f"| [`{name}`]({file}) | {architecture.shows} | {parameters:,} "
            f"| {multiply_accumulates(network):,} | {top1} |"
        )
    columns = "| network | its file shows | parameters | multiply-accumulates | test top-1 |"
    return "\n".join([columns, "|---|---|---|---|---|", *rows])


TABLES = {"settings": settings_table, "accuracy": accuracy_table, "networks": networks_table}


def with_tables(text: str) -> str:
    """Return the README's text with each marked table replaced by the current one.

    Raises:
        ValueError: a table has no place in the text.
    """
    for name, table in TABLES.items():
        start = f"<!-- {name}: written by make readme -->\n"
        before, found, rest = text.partition(start)
        _, end, after = rest.partition("<!-- end -->")
        if not (found and end):
            raise ValueError(f"README.md has no place for the {name} table")
        text = f"{before}{start}\n{table()}\n\n{end}{after}"
    return text


def main() -> int:
    """Rewrite the README."""
    README.write_text(with_tables(README.read_text(encoding="utf-8")), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
