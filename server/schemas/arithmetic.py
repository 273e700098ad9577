"""The arithmetic that made one value, for each kind of operation."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, Field

from server.schemas.arithmetic_terms import (
    ActivationTerms,
    AveragePoolingTerms,
    ConcatenationTerms,
    ConvolutionTerms,
    CrossEntropyTerms,
    DropoutTerms,
    ElementwiseTerms,
    EmbeddingTerms,
    GeneralTerms,
    IdentityTerms,
    InterpolationTerms,
    LinearTerms,
    LocalResponseNormalisationTerms,
    LpPoolingTerms,
    MatrixProductTerms,
    MaxPoolingTerms,
    MovementTerms,
    NormalisationTerms,
    Number,
    ReductionTerms,
    SoftmaxTerms,
    TransposedConvolutionTerms,
)


class CellsRead(BaseModel):
    """The cells of one input that the value was computed from."""

    input: str = Field(description="Name of the layer that made the tensor; input is the image.")
    argument: int = Field(description="Which of the layer's inputs it is, counted from 0.")
    cells: list[list[int]] = Field(
        description="For each axis of the tensor, batch first, the indices; the cells are all "
        "combinations of these."
    )
    exact: bool = Field(description="If false, some of these cells may not be read.")


class Explained(BaseModel):
    """What all kinds share."""

    layer: str = Field(description="Name of the layer.")
    operation: str = Field(description="The layer's kind: Conv2d, add, ...")
    channel: int = Field(description="Number of the channel, counted from 0.")
    y: int = Field(description="Row, counted from 0 at the top.")
    x: int = Field(description="Column, counted from 0 at the left.")
    index: list[int] = Field(description="The same place in the layer's output, batch first.")
    formula: str = Field(description="With the names of PyTorch's documentation.")
    value: Number | None = Field(
        description="Recomputed in float64 from what the layer read; null if it cannot be."
    )
    network_value: Number = Field(description="What the network computed, exactly.")
    difference: float | None = Field(
        description="value - network_value; null without a value, or if only one is finite."
    )
    reads: list[CellsRead] = Field(description="The cells of layers and inputs that it read.")
    snippet: str | None = Field(
        description="PyTorch that computes value again; null where the layer is not PyTorch's, or "
        "tensors that no file has are too large to be written out."
    )


class Convolution(Explained):
    """A value of a convolution over one, two or three axes."""

    kind: Literal["convolution"] = Field(description="Of arithmetic.")
    terms: ConvolutionTerms


class TransposedConvolution(Explained):
    """A value of a transposed convolution."""

    kind: Literal["transposed_convolution"] = Field(description="Of arithmetic.")
    terms: TransposedConvolutionTerms


class MaxPooling(Explained):
    """A value of max pooling."""

    kind: Literal["max_pooling"] = Field(description="Of arithmetic.")
    terms: MaxPoolingTerms


class AveragePooling(Explained):
    """A value of average pooling."""

    kind: Literal["average_pooling"] = Field(description="Of arithmetic.")
    terms: AveragePoolingTerms


class LpPooling(Explained):
    """A value of power-average pooling."""

    kind: Literal["lp_pooling"] = Field(description="Of arithmetic.")
    terms: LpPoolingTerms


class Activation(Explained):
    """A value of a function of one number."""

    kind: Literal["activation"] = Field(description="Of arithmetic.")
    terms: ActivationTerms


class Normalisation(Explained):
    """A value that is normalised."""

    kind: Literal["normalisation"] = Field(description="Of arithmetic.")
    terms: NormalisationTerms


class LocalResponseNormalisation(Explained):
    """A value of local response normalisation."""

    kind: Literal["local_response_normalisation"] = Field(description="Of arithmetic.")
    terms: LocalResponseNormalisationTerms


class Elementwise(Explained):
    """A value of a function of two numbers."""

    kind: Literal["elementwise"] = Field(description="Of arithmetic.")
    terms: ElementwiseTerms


class Concatenation(Explained):
    """A value of joined tensors."""

    kind: Literal["concatenation"] = Field(description="Of arithmetic.")
    terms: ConcatenationTerms


class Linear(Explained):
    """A value of a fully connected layer."""

    kind: Literal["linear"] = Field(description="Of arithmetic.")
    terms: LinearTerms


class MatrixProduct(Explained):
    """A value of a product of matrices."""

    kind: Literal["matrix_product"] = Field(description="Of arithmetic.")
    terms: MatrixProductTerms


class Softmax(Explained):
    """A value of softmax or softmin."""

    kind: Literal["softmax"] = Field(description="Of arithmetic.")
    terms: SoftmaxTerms


class LogSoftmax(Explained):
    """A value of log-softmax."""

    kind: Literal["log_softmax"] = Field(description="Of arithmetic.")
    terms: SoftmaxTerms


class CrossEntropy(Explained):
    """A cross-entropy loss."""

    kind: Literal["cross_entropy"] = Field(description="Of arithmetic.")
    terms: CrossEntropyTerms


class Identity(Explained):
    """A value that is handed on."""

    kind: Literal["identity"] = Field(description="Of arithmetic.")
    terms: IdentityTerms


class Dropout(Explained):
    """A value that went through dropout."""

    kind: Literal["dropout"] = Field(description="Of arithmetic.")
    terms: DropoutTerms


class Movement(Explained):
    """A value that comes from another place: reshaping, padding, slicing, ..."""

    kind: Literal["movement"] = Field(description="Of arithmetic.")
    terms: MovementTerms


class Interpolation(Explained):
    """A value of interpolation."""

    kind: Literal["interpolation"] = Field(description="Of arithmetic.")
    terms: InterpolationTerms


class Reduction(Explained):
    """A value of a reduction over axes."""

    kind: Literal["reduction"] = Field(description="Of arithmetic.")
    terms: ReductionTerms


class Embedding(Explained):
    """A value of an embedding."""

    kind: Literal["embedding"] = Field(description="Of arithmetic.")
    terms: EmbeddingTerms


class General(Explained):
    """A value of an operation that is not broken down."""

    kind: Literal["general"] = Field(description="Of arithmetic.")
    terms: GeneralTerms


Arithmetic = Annotated[
    Convolution
    | TransposedConvolution
    | MaxPooling
    | AveragePooling
    | LpPooling
    | Activation
    | Normalisation
    | LocalResponseNormalisation
    | Elementwise
    | Concatenation
    | Linear
    | MatrixProduct
    | Softmax
    | LogSoftmax
    | CrossEntropy
    | Identity
    | Dropout
    | Movement
    | Interpolation
    | Reduction
    | Embedding
    | General,
    Field(discriminator="kind"),
]
"""The arithmetic of one value; ``kind`` says what ``terms`` are."""
