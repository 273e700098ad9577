"""Windows that slide over a map, for the API."""

from __future__ import annotations

import numpy as np
from torch import Tensor

from server.engine.arithmetic.parts import NotBrokenDown
from server.engine.arithmetic.taps import Tap
from server.engine.sliding_window import SlidingWindow, sliding_window
from server.errors import InvalidInput, NotFound
from server.schemas import sliding_windows as schemas
from server.services.inspections import KeptInspection
from server.services.lane import Lane


async def find_window(
    lane: Lane, kept: KeptInspection, layer: str, channel: int, input_channel: int | None
) -> schemas.SlidingWindow:
    """The window of one channel of a layer over one channel of what it reads.

    Parameters belong to the model, so this takes its turn among the runs of models.

    Raises:
        NotFound: no such layer or channel.
        InvalidInput: no window slides there.
        Overloaded: too much is waiting for the network.
    """
    kept.layer(layer).channel(channel)  # which says what is wrong with the channel

    def find() -> SlidingWindow:
        node = kept.layer(layer).with_output()
        of_layer = node.given is not None and node.given.function is None
        module = kept.model.module.get_submodule(node.module_path) if of_layer else None
        return sliding_window(node, channel, input_channel, module=module)

    try:
        window = await lane.alone(find, kept.model)
    except IndexError as error:
        raise NotFound(str(error), pointer="input_channel", value=input_channel) from error
    except (NotBrokenDown, LookupError) as error:
        raise InvalidInput(
            f"{layer} has no window to slide: {error}.", pointer="layer", value=layer
        ) from error
    return describe_window(layer, channel, window)


def describe_window(layer: str, channel: int, window: SlidingWindow) -> schemas.SlidingWindow:
    """A window for the API."""
    return schemas.SlidingWindow(
        layer=layer,
        kind=window.kind,
        channel=channel,
        source=window.source,
        input_channel=window.input_channel,
        input_channels=window.input_channels,
        values=_values(window.values),
        output=_values(window.output),
        rows=_taps(window.rows),
        columns=_taps(window.columns),
        kernel=None if window.kernel is None else _values(window.kernel),
        bias=window.bias,
        others=None if window.others is None else _values(window.others),
        count_padding=window.count_padding,
        divisor=window.divisor,
    )


def _values(tensor: Tensor) -> schemas.Values:
    array = tensor.double().numpy()
    if np.isfinite(array).all():
        values: schemas.Values = array.tolist()
        return values
    return [[value if np.isfinite(value) else None for value in row] for row in array.tolist()]


def _taps(axis: list[list[Tap]]) -> list[list[schemas.Tap]]:
    return [[(tap.tap, tap.position, tap.source) for tap in taps] for taps in axis]
