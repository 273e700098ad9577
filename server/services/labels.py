"""The names of a model's logits."""

from __future__ import annotations

from pathlib import Path

from server.services.sources.unavailable import ModelUnavailable

MOST_BYTES = 16 * 1024 * 1024


def read_labels(file: Path) -> tuple[str, ...]:
    """The lines of a text file in UTF-8: one label each, in the order of the logits.

    Raises:
        ModelUnavailable: no such file, no text, an empty line among the labels, or none at all.
    """
    try:
        if file.stat().st_size > MOST_BYTES:
            raise ModelUnavailable(f"{file} has more than {MOST_BYTES:,} bytes: no list of labels.")
        lines = file.read_text(encoding="utf-8-sig").splitlines()
    except OSError as error:
        raise ModelUnavailable(f"{file} cannot be read: {error.strerror or error}.") from error
    except UnicodeDecodeError as error:
        raise ModelUnavailable(
            f"{file} is no text in UTF-8 (byte {error.start}): labels are lines of text."
        ) from error
    labels = [line.strip() for line in lines]
    while labels and not labels[-1]:
        labels.pop()
    if not labels:
        raise ModelUnavailable(f"{file} has no labels: write one in each line.")
    if "" in labels:
        raise ModelUnavailable(
            f"{file} has an empty line {labels.index('') + 1}: each line is the label of a logit."
        )
    return tuple(labels)


def checked_labels(labels: tuple[str, ...], logits: int, source: str) -> tuple[str, ...]:
    """Labels for so many logits.

    Raises:
        ModelUnavailable: there are more of them, or fewer.
    """
    if len(labels) != logits:
        raise ModelUnavailable(
            f"{source} has {len(labels)} labels, but the model gives {logits} logits: one label "
            "for each."
        )
    return labels


def numbered_labels(logits: int) -> tuple[str, ...]:
    """Labels for logits that nobody has named."""
    return tuple(f"class {number}" for number in range(logits))
