"""The 345 categories of the Quick, Draw! data set; a label is an index into them."""

from pathlib import Path

CATEGORIES: tuple[str, ...] = tuple(
    Path(__file__).with_name("categories.txt").read_text(encoding="utf-8").splitlines()
)

LABELS: dict[str, int] = {category: label for label, category in enumerate(CATEGORIES)}
