"""What the arithmetic of one value is made of, for each kind of operation."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, Field

from server.schemas.inspections import NonFinite

Number = Annotated[
    float | NonFinite, Field(description="A number; in words where it is not finite.")
]


class Rest(BaseModel):
    """The terms that are not listed."""

    count: int = Field(description="How many they are.")
    value: Number = Field(description="Their sum; of a maximum the greatest of them.")


class WindowCell(BaseModel):
    """One place of a window, on all spatial axes."""

    tap: list[int] = Field(description="Place in the kernel.")
    position: list[int] = Field(
        description="Place on the input; below 0 or beyond its end lies padding."
    )
    source: list[int] | None = Field(
        description="The place whose value stands there: padding may copy one; null: a constant."
    )
    padding: bool = Field(description="Whether it lies in the padding.")


class Channel(BaseModel):
    """What one input channel adds; values are in the order of the cells."""

    channel: int = Field(description="Its number in the input.")
    patch: list[Number] = Field(description="The input's values in the cells.")
    kernel: list[Number] = Field(description="The weights.")
    products: list[Number] = Field(description="Patch times kernel.")
    sum: Number = Field(description="Of the products.")


class TransposedConvolutionTerms(BaseModel):
    """A transposed convolution: what reaches the unit of each input channel."""

    kernel_size: list[int] = Field(description="For each spatial axis.")
    stride: list[int] = Field(description="For each spatial axis.")
    padding: list[int] = Field(description="For each spatial axis.")
    dilation: list[int] = Field(description="For each spatial axis.")
    groups: int = Field(description="Into how many groups the channels are divided.")
    group: int = Field(description="The one that the unit's channel is in.")
    input_channels: list[int] = Field(
        description="The first channel of the group, and the one after its last."
    )
    cells: list[WindowCell] = Field(
        description="The input cells that reach the unit, each through one place of the kernel."
    )
    channels: list[Channel] = Field(description="The input channels that are listed.")
    rest: Rest | None = Field(description="The other input channels.")
    sum: Number = Field(description="Of all channels, before the bias.")
    bias: Number | None = Field(description="Of the unit's channel; null: there is none.")


class ConvolutionTerms(BaseModel):
    """A convolution: per input channel of the group a patch times a kernel, then their sum."""

    kernel_size: list[int] = Field(description="For each spatial axis.")
    stride: list[int] = Field(description="For each spatial axis.")
    padding: list[list[int]] = Field(description="For each spatial axis cells before and after.")
    padding_mode: str = Field(description="zeros, reflect, replicate or circular.")
    dilation: list[int] = Field(description="For each spatial axis.")
    groups: int = Field(description="Into how many groups the channels are divided.")
    group: int = Field(description="The one that the unit's channel is in.")
    input_channels: list[int] = Field(
        description="The first channel of the group, and the one after its last."
    )
    cells: list[WindowCell] = Field(description="Where the kernel lies, row by row.")
    channels: list[Channel] = Field(description="The input channels that are listed.")
    rest: Rest | None = Field(description="The other input channels.")
    sum: Number = Field(description="Of all channels, before the bias.")
    bias: Number | None = Field(description="Of the unit's channel; null: there is none.")
    as_linear: bool = Field(
        description="Whether the kernel is 1x1: a fully connected layer for each pixel."
    )


class MaxPoolingTerms(BaseModel):
    """Max pooling: a window, and the cell that wins."""

    kernel_size: list[int] = Field(description="For each spatial axis.")
    stride: list[int] | None = Field(description="For each spatial axis; null if adaptive.")
    padding: list[int] = Field(description="For each spatial axis.")
    dilation: list[int] = Field(description="For each spatial axis.")
    ceil_mode: bool = Field(description="Whether windows may hang over the end.")
    adaptive: bool = Field(description="Whether the window follows from the sizes.")
    cells: list[WindowCell] = Field(description="Row by row; padding never wins.")
    values: list[Number] = Field(description="Of the cells; padding is -Infinity.")
    winner: list[int] | None = Field(
        description="Place of the cell that PyTorch picks; null: the window is all padding."
    )
    ties: list[list[int]] = Field(description="Places of others with the same value.")
    rest: Rest | None = Field(description="The other cells.")


class AveragePoolingTerms(BaseModel):
    """Average pooling, adaptive and global too: a sum over a window, and its divisor."""

    kernel_size: list[int] = Field(description="For each spatial axis.")
    stride: list[int] | None = Field(description="For each spatial axis; null if adaptive.")
    padding: list[int] = Field(description="For each spatial axis.")
    ceil_mode: bool = Field(description="Whether windows may hang over the end.")
    count_include_pad: bool | None = Field(
        description="Whether padding counts in the divisor; null if adaptive."
    )
    adaptive: bool = Field(description="Whether the window follows from the sizes.")
    cells: list[WindowCell] = Field(description="Row by row.")
    values: list[Number] = Field(description="Of the cells; padding is 0.")
    rest: Rest | None = Field(description="The other cells.")
    sum: Number = Field(description="Of all cells.")
    divisor: float = Field(description="By which the sum is divided.")
    divisor_from: str = Field(description="How the divisor comes about, in words.")


class LpPoolingTerms(BaseModel):
    """Power-average pooling: the root of a sum of powers."""

    norm_type: float = Field(description="The power p.")
    kernel_size: list[int] = Field(description="For each spatial axis.")
    stride: list[int] = Field(description="For each spatial axis.")
    ceil_mode: bool = Field(description="Whether windows may hang over the end.")
    cells: list[WindowCell] = Field(description="Those on the input, row by row.")
    values: list[Number] = Field(description="Of the cells.")
    powers: list[Number] = Field(description="The values to the power p.")
    rest: Rest | None = Field(description="The powers of the other cells.")
    sum: Number = Field(description="Of all powers.")
    counted: int = Field(description="Cells on the input: the mean of powers is over these.")
    cells_of_kernel: int = Field(description="By which that mean is multiplied.")


class Curve(BaseModel):
    """Points of a function, to draw it."""

    x: list[float] = Field(description="Evenly spaced.")
    y: list[Number] = Field(description="The function's values there.")


class ActivationTerms(BaseModel):
    """An activation function, or another function of one number."""

    function: str = Field(description="Name of the function.")
    parameters: dict[str, Number | str] = Field(description="What it is parametrised by.")
    x: Number = Field(description="What it was given.")
    slope: Number = Field(description="Its derivative at x.")
    curve: Curve = Field(description="The function around 0, with x in its range.")


class Step(BaseModel):
    """One step on the way to the value."""

    name: str = Field(description="What it gives.")
    expression: str = Field(description="How, in terms of steps before.")
    value: Number = Field(description="The result.")


class NormalisationTerms(BaseModel):
    """Batch, layer, group, instance or RMS normalisation."""

    x: Number = Field(description="The value that is normalised.")
    mean: Number | None = Field(description="Null for RMS normalisation, which subtracts none.")
    variance: Number = Field(
        description="Biased; of RMS normalisation the mean of squares instead."
    )
    eps: float = Field(description="Added to the variance.")
    weight: Number | None = Field(description="By which the result is multiplied, if by any.")
    bias: Number | None = Field(description="Added last, if any.")
    statistics: Literal["running", "input"] = Field(
        description="Whether mean and variance were found in training or of the input now."
    )
    axes: list[int] = Field(description="Over which they were taken now.")
    count: int = Field(description="Over how many values they were taken now; 0: none.")
    steps: list[Step] = Field(description="The arithmetic, step by step.")


class Neighbour(BaseModel):
    """A channel around the unit's."""

    channel: int = Field(description="Its number.")
    value: Number = Field(description="Its value at the unit's position.")
    square: Number = Field(description="The value squared.")


class LocalResponseNormalisationTerms(BaseModel):
    """Local response normalisation: a value over a power of its neighbours' squares."""

    x: Number = Field(description="The value that is normalised.")
    size: int = Field(description="How many channels the window spans.")
    alpha: float = Field(description="Factor of the mean of squares.")
    beta: float = Field(description="The exponent.")
    k: float = Field(description="Added before the exponent.")
    channels: list[Neighbour] = Field(description="The channels that are listed.")
    rest: Rest | None = Field(description="The squares of the others.")
    sum: Number = Field(description="Of all squares.")
    divisor: Number = Field(description="(k + alpha / size * sum) ** beta.")


class Side(BaseModel):
    """One of two sides."""

    name: str = Field(description="Of the parameter, as PyTorch's documentation has it.")
    source: str | None = Field(
        description="The layer, input or parameter it comes from; null: a number."
    )
    shape: list[int] | None = Field(description="Null for a number.")
    index: list[int] | None = Field(description="Its place that stands at the unit.")
    broadcast: bool = Field(description="Whether the same value stands at other units too.")
    value: Number = Field(description="The value there.")


class ElementwiseTerms(BaseModel):
    """A sum, difference, product or quotient, or another function of two numbers."""

    operator: str = Field(description="Its sign.")
    sides: list[Side] = Field(description="Left and right.")
    alpha: float | None = Field(description="Factor of the right side of a sum or difference.")
    rounding_mode: str | None = Field(description="Of a quotient.")


class Part(BaseModel):
    """One of the tensors that are joined."""

    source: str | None = Field(description="The layer, input or parameter it comes from.")
    first: int = Field(description="Where it begins along the axis.")
    size: int = Field(description="How many places it takes there.")


class ConcatenationTerms(BaseModel):
    """A concatenation: which tensor the value comes from."""

    axis: int = Field(description="Along which the tensors lie one after the other.")
    parts: list[Part] = Field(description="The tensors.")
    part: int = Field(description="The one that the value comes from.")
    index: list[int] = Field(description="Its place there.")
    stacked: bool = Field(description="Whether the axis is a new one.")


class Product(BaseModel):
    """One input feature times its weight."""

    feature: int = Field(description="Its number.")
    input: Number = Field(description="Its value.")
    weight: Number = Field(description="Its weight.")
    product: Number = Field(description="Both multiplied.")


class LinearTerms(BaseModel):
    """A fully connected layer: inputs times weights, and their sum."""

    in_features: int = Field(description="How many inputs there are.")
    out_features: int = Field(description="How many outputs there are.")
    products: list[Product] = Field(description="The products that are listed.")
    rest: Rest | None = Field(description="The other products.")
    sum: Number = Field(description="Of all products, before the bias.")
    bias: Number | None = Field(description="Of this output; null: there is none.")


class Pair(BaseModel):
    """One value of a row times one of a column."""

    index: int = Field(description="Place in the row and in the column.")
    left: Number = Field(description="Of the row.")
    right: Number = Field(description="Of the column.")
    product: Number = Field(description="Both multiplied.")


class MatrixProductTerms(BaseModel):
    """A product of matrices: a row of the left times a column of the right."""

    length: int = Field(description="Of the row.")
    products: list[Pair] = Field(description="The products that are listed.")
    rest: Rest | None = Field(description="The other products.")
    sum: Number = Field(description="Of all products.")
    added: Number | None = Field(description="The value that is added to it, if any.")
    alpha: float = Field(description="Factor of the product.")
    beta: float = Field(description="Factor of what is added.")


class Logit(BaseModel):
    """One of the values that share."""

    index: int = Field(description="Its place along the axis.")
    logit: Number = Field(description="The value.")
    shifted: Number = Field(description="Minus the maximum.")
    exponential: Number = Field(description="e to the power of that.")
    share: Number = Field(description="Of the sum of exponentials.")


class SoftmaxTerms(BaseModel):
    """Softmax, softmin or log-softmax: exponentials and their shares."""

    axis: int = Field(description="Along which the shares add up to 1.")
    index: int = Field(description="The unit's own place along it.")
    maximum: Number = Field(description="Subtracted first, so that nothing overflows.")
    logits: list[Logit] = Field(description="The logits that are listed.")
    rest: Rest | None = Field(description="The exponentials of the others.")
    sum: Number = Field(description="Of all exponentials.")
    share: Number = Field(description="Of the unit.")
    logarithm: Number | None = Field(description="Of the sum; null unless it is asked for.")


class LossItem(BaseModel):
    """The loss of one item of the batch."""

    index: list[int] = Field(description="Its place in the batch.")
    target: int | None = Field(description="Its class; null where the target is shares.")
    logit: Number | None = Field(description="Of that class.")
    log_sum: Number = Field(description="Logarithm of the sum of exponentials.")
    weight: Number = Field(description="Of that class.")
    loss: Number = Field(description="Of the item.")


class CrossEntropyTerms(BaseModel):
    """A cross-entropy loss."""

    classes: int = Field(description="How many classes there are.")
    reduction: str = Field(description="mean, sum or none.")
    label_smoothing: float = Field(description="Share of the target given to all classes.")
    items: list[LossItem] = Field(description="The items that are listed.")
    rest: Rest | None = Field(description="The losses of the others.")
    ignored: int = Field(description="How many items have the class that is ignored.")
    sum: Number = Field(description="Of all losses.")
    divisor: Number = Field(description="By which the sum is divided; 1 unless a mean.")


class IdentityTerms(BaseModel):
    """A value that is handed on."""

    x: Number = Field(description="The value.")


class DropoutTerms(BaseModel):
    """Dropout: nothing happens, except in training."""

    x: Number = Field(description="What it was given.")
    p: float = Field(description="Probability of being dropped in training.")
    keep_probability: float = Field(description="1 - p.")
    scale: float | None = Field(description="1 / (1 - p), which multiplies what is kept.")
    training: bool = Field(description="Whether it ran as in training.")
    whole_channels: bool = Field(description="Whether whole channels are dropped.")
    kept: bool = Field(description="Whether this value was kept.")
    value_if_kept: Number | None = Field(description="What would come out in training.")


class MovementTerms(BaseModel):
    """A value that comes from another place."""

    source: str | None = Field(
        description="The layer, input or parameter it comes from; null: a constant."
    )
    argument: int | None = Field(description="Which of the layer's inputs that is.")
    index: list[int] | None = Field(description="Its place there.")


class WeightedCell(BaseModel):
    """A cell of the input times its weight."""

    index: list[int] = Field(description="Its place on the spatial axes.")
    value: Number = Field(description="Its value.")
    weight: Number = Field(description="Its weight.")
    product: Number = Field(description="Both multiplied.")


class InterpolationTerms(BaseModel):
    """Interpolation: a weighted sum of cells."""

    mode: str = Field(description="nearest, bilinear, ...")
    align_corners: bool | None = Field(description="Whether corners lie on corners.")
    antialias: bool = Field(description="Whether the kernel widens when shrinking.")
    sources: list[float | None] = Field(
        description="For each axis where the unit lies, in places of the input."
    )
    cells: list[WeightedCell] = Field(description="The cells that are listed.")
    rest: Rest | None = Field(description="The products of the others.")
    weights: Number = Field(description="The sum of all weights.")


class ReducedValue(BaseModel):
    """One of the values that are put together."""

    index: list[int] = Field(description="Its place in the input.")
    value: Number = Field(description="The value.")


class ReductionTerms(BaseModel):
    """A sum, mean, product, maximum or minimum."""

    function: str = Field(description="Which of these.")
    axes: list[int] = Field(description="Of the input, that it runs over.")
    count: int = Field(description="How many values are put together.")
    values: list[ReducedValue] = Field(description="The values that are listed.")
    rest: Rest | None = Field(description="The others: their sum, product, maximum, minimum.")
    divisor: int = Field(description="By which the sum is divided.")
    sum: Number | None = Field(description="Of all values; null if nothing is added.")


class EmbeddingTerms(BaseModel):
    """A value of a row of a table."""

    row: int = Field(description="The row that the input names.")
    column: int = Field(description="Place in the row.")
    rows: int = Field(description="How many rows there are.")


class GeneralTerms(BaseModel):
    """An operation whose arithmetic is not broken down."""

    statement: str = Field(description="That it is not, and why.")
    recomputed: bool = Field(description="Whether the whole operation was run in float64.")
    causes: list[str] = Field(
        description="Operators because of which too many cells may be given as read."
    )
