"""The doodlescope application; ``from server import show`` shows a live module."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import nn

    from server.engine.example import Example
    from server.showing import Shown

__version__ = "0.1.0"


def show(
    model: nn.Module,
    example: Example,
    *,
    name: str | None = None,
    labels: Sequence[str] | None = None,
    normalise: tuple[float | Sequence[float], float | Sequence[float]] | None = None,
    port: int = 0,
    block: bool | None = None,
) -> Shown:
    """Show a module at work on an example, on a page that a thread of this process serves.

    The module stays yours: it is neither copied nor moved, and its modes, gradients and the random
    number generators are as they were. When its weights have changed, the next input shows it. Let
    it rest while you look: runs in two threads at once disturb each other.

    Args:
        model: any module.
        example: a tensor (N, C, H, W), of which each item becomes an example; several inputs, by
            position or by name; or shapes, which stand for values in 0..1. The very values are
            what the page shows.
        name: what it is called; the name of its class if left out.
        labels: the names of its logits, if it returns logits (N, K).
        normalise: (mean, std) of pictures that are opened on the page, of pixels in 0..1; each a
            number, or one for each channel.
        port: to listen on, on this machine alone; 0 takes a free one.
        block: whether to wait until Ctrl-C; if left out, in scripts, but not at a prompt or in a
            notebook.

    Returns:
        What has the ``url`` and ``close``; a notebook shows the page itself.

    Raises:
        ForwardFailed: the forward raised on the example.
        TypeError: no module, or no example.
        ValueError: labels or a normalisation that do not fit; an example that cannot be given.
        OSError: the port is taken.
    """
    from server.showing import show as run

    return run(
        model, example, name=name, labels=labels, normalise=normalise, port=port, block=block
    )
