"""The layers of ``torch.nn``, each with settings that differ in what they read."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils import parametrizations

from tests.support.operators import Case, case, whole

LINE, PLANE, SPACE = (1, 4, 9), (1, 4, 6, 5), (1, 4, 3, 4, 3)
"""Inputs of one, two and three spatial axes."""

SHAPES = (LINE, PLANE, SPACE)

LEFT_OUT = {
    **dict.fromkeys(
        (
            *("AdaptiveLogSoftmaxWithLoss", "BCELoss", "BCEWithLogitsLoss", "CTCLoss"),
            *("CosineEmbeddingLoss", "CrossEntropyLoss", "GaussianNLLLoss", "HingeEmbeddingLoss"),
            *("HuberLoss", "KLDivLoss", "L1Loss", "LinearCrossEntropyLoss", "MSELoss"),
            *("MarginRankingLoss", "MultiLabelMarginLoss", "MultiLabelSoftMarginLoss"),
            *("MultiMarginLoss", "NLLLoss", "NLLLoss2d", "PoissonNLLLoss", "SmoothL1Loss"),
            *("SoftMarginLoss", "TripletMarginLoss", "TripletMarginWithDistanceLoss"),
        ),
        "a loss: it stands behind the network, and its function is in the other table",
    ),
    **dict.fromkeys(
        ("Container", "Module", "ModuleDict", "ModuleList", "ParameterDict", "ParameterList"),
        "holds others and computes nothing",
    ),
    **dict.fromkeys(("RNNBase", "RNNCellBase"), "the base of other classes"),
    "DataParallel": "runs its module as it is where there is no GPU",
    "SyncBatchNorm": "runs on GPUs only",
}
"""Classes without a case, and why."""


def _each(*kinds: Callable[..., nn.Module], **settings: object) -> list[tuple[str, Case]]:
    """Layers of one, two and three axes with the same settings."""
    return [
        (kind.__name__, case(partial(kind, **settings), shape))
        for kind, shape in zip(kinds, SHAPES, strict=True)
    ]


def _convolutions() -> list[tuple[str, Case]]:
    plain = (nn.Conv1d, nn.Conv2d, nn.Conv3d)
    transposed = (nn.ConvTranspose1d, nn.ConvTranspose2d, nn.ConvTranspose3d)
    lazy = (nn.LazyConv1d, nn.LazyConv2d, nn.LazyConv3d)
    lazy_transposed = (nn.LazyConvTranspose1d, nn.LazyConvTranspose2d, nn.LazyConvTranspose3d)
    size = {"in_channels": 4, "out_channels": 4}
    return [
        *_each(*plain, **size, kernel_size=3),
        *_each(*plain, **size, kernel_size=2, stride=2, padding=1, dilation=2, groups=2),
        *_each(*plain, **size, kernel_size=3, padding="same", dilation=2),
        *_each(*plain, **size, kernel_size=4, padding="same"),
        *_each(*plain, **size, kernel_size=2, padding="valid"),
        *_each(*plain, **size, kernel_size=3, padding=1, padding_mode="reflect", bias=False),
        *_each(*plain, **size, kernel_size=3, padding=2, padding_mode="replicate"),
        *_each(*plain, **size, kernel_size=3, padding=1, padding_mode="circular"),
        *_each(*transposed, **size, kernel_size=2, stride=3),
        *_each(*transposed, **size, kernel_size=3, stride=2, padding=1, output_padding=1),
        *_each(*transposed, **size, kernel_size=2, dilation=2, groups=4),
        *_each(*lazy, out_channels=3, kernel_size=2, padding=1),
        *_each(*lazy_transposed, out_channels=3, kernel_size=2, stride=2),
    ]


def _pooling() -> list[tuple[str, Case]]:
    maximum = (nn.MaxPool1d, nn.MaxPool2d, nn.MaxPool3d)
    average = (nn.AvgPool1d, nn.AvgPool2d, nn.AvgPool3d)
    power = (nn.LPPool1d, nn.LPPool2d, nn.LPPool3d)
    adaptive_maximum = (nn.AdaptiveMaxPool1d, nn.AdaptiveMaxPool2d, nn.AdaptiveMaxPool3d)
    adaptive_average = (nn.AdaptiveAvgPool1d, nn.AdaptiveAvgPool2d, nn.AdaptiveAvgPool3d)
    unpooled = zip(
        (nn.MaxUnpool1d, nn.MaxUnpool2d, nn.MaxUnpool3d),
        maximum,
        ((1, 2, 6), (1, 2, 4, 4), (1, 2, 2, 4, 2)),
        strict=True,
    )
    given = (torch.tensor([1, 2, 5]), torch.tensor([[0, 3], [9, 14]]), torch.tensor([[[0, 3]]]))
    fixed = zip(
        (nn.MaxUnpool1d, nn.MaxUnpool2d, nn.MaxUnpool3d),
        ((1, 1, 3), (1, 1, 2, 2), (1, 1, 1, 1, 2)),
        given,
        strict=True,
    )
    return [
        *_each(*maximum, kernel_size=2),
        *_each(*maximum, kernel_size=3, stride=2, padding=1, ceil_mode=True),
        *_each(*maximum, kernel_size=2, stride=1, dilation=2, return_indices=True),
        *_each(*average, kernel_size=2),
        *_each(*average, kernel_size=3, stride=2, padding=1, ceil_mode=True),
        *_each(*average, kernel_size=2, padding=1, count_include_pad=False),
        *_each(*power, norm_type=2, kernel_size=2),
        *_each(*power, norm_type=3, kernel_size=2, stride=3, ceil_mode=True),
        *_each(*adaptive_maximum, output_size=2),
        *_each(*adaptive_maximum, output_size=3, return_indices=True),
        *_each(*adaptive_average, output_size=2),
        *_each(*adaptive_average, output_size=1),
        *(
            (
                unpool.__name__,
                case(partial(_Unpooled, pool, unpool), shape, status="bound"),
            )
            for unpool, pool, shape in unpooled
        ),
        *(
            (
                unpool.__name__,
                case(partial(_Placed, unpool, index), shape),
            )
            for unpool, shape, index in fixed
        ),
        (
            "FractionalMaxPool2d",
            case(lambda: nn.FractionalMaxPool2d(2, (3, 3)), PLANE, status="bound"),
        ),
        (
            "FractionalMaxPool3d",
            case(lambda: nn.FractionalMaxPool3d(2, (2, 2, 2)), (1, 4, 4, 4, 4), status="bound"),
        ),
        (
            "FractionalMaxPool2d",
            case(
                lambda: nn.FractionalMaxPool2d(
                    2, output_ratio=0.6, _random_samples=torch.tensor([[[0.3, 0.7]] * 4])
                ),
                PLANE,
            ),
        ),
        (
            "FractionalMaxPool3d",
            case(
                lambda: nn.FractionalMaxPool3d(
                    (2, 1, 1), (1, 3, 2), _random_samples=torch.tensor([[[0.3, 0.7, 0.1]] * 4])
                ),
                SPACE,
            ),
        ),
    ]


class _Unpooled(nn.Module):
    """Maxima put back where they came from."""

    def __init__(self, pool: Callable[..., nn.Module], unpool: Callable[..., nn.Module]) -> None:
        super().__init__()
        self.pool, self.unpool = pool(2, return_indices=True), unpool(2)

    def forward(self, x: Tensor) -> Tensor:
        result: Tensor = self.unpool(*self.pool(x))
        return result


class _Placed(nn.Module):
    """Values put where a constant says."""

    def __init__(self, unpool: Callable[..., nn.Module], index: Tensor) -> None:
        super().__init__()
        self.unpool = unpool(2)
        self.register_buffer("index", index[None, None])

    def forward(self, x: Tensor) -> Tensor:
        result: Tensor = self.unpool(x, self.index)
        return result


def _padding() -> list[tuple[str, Case]]:
    return [
        *_each(nn.ConstantPad1d, nn.ConstantPad2d, nn.ConstantPad3d, padding=1, value=3.0),
        *_each(nn.ZeroPad1d, nn.ZeroPad2d, nn.ZeroPad3d, padding=2),
        *_each(nn.ReflectionPad1d, nn.ReflectionPad2d, nn.ReflectionPad3d, padding=2),
        *_each(nn.ReplicationPad1d, nn.ReplicationPad2d, nn.ReplicationPad3d, padding=2),
        *_each(nn.CircularPad1d, nn.CircularPad2d, nn.CircularPad3d, padding=1),
        ("ZeroPad2d", case(lambda: nn.ZeroPad2d((-1, 2, 1, -2)), PLANE)),
        ("ReflectionPad2d", case(lambda: nn.ReflectionPad2d((0, 3, 1, 0)), PLANE)),
        ("CircularPad2d", case(lambda: nn.CircularPad2d((3, 0, -1, 2)), PLANE)),
    ]


def _sampling() -> list[tuple[str, Case]]:
    modes = [
        *((shape, mode) for shape in SHAPES for mode in ("nearest", "nearest-exact")),
        *zip(SHAPES, ("linear", "bilinear", "trilinear"), strict=True),
        (PLANE, "bicubic"),
    ]
    return [
        *(
            ("Upsample", case(partial(nn.Upsample, scale_factor=1.7, mode=mode), shape))
            for shape, mode in modes
        ),
        *(
            ("Upsample", case(partial(nn.Upsample, size=4, mode=mode), shape))
            for shape, mode in modes
        ),
        *(
            (
                "Upsample",
                case(
                    partial(nn.Upsample, scale_factor=2, mode=mode, align_corners=True),
                    shape,
                ),
            )
            for shape, mode in modes
            if "nearest" not in mode
        ),
        (
            "Upsample",
            case(lambda: nn.Upsample(scale_factor=0.6, recompute_scale_factor=True), PLANE),
        ),
        ("UpsamplingNearest2d", case(lambda: nn.UpsamplingNearest2d(scale_factor=2), PLANE)),
        ("UpsamplingBilinear2d", case(lambda: nn.UpsamplingBilinear2d(size=(4, 11)), PLANE)),
        ("PixelShuffle", case(lambda: nn.PixelShuffle(2), PLANE)),
        ("PixelUnshuffle", case(lambda: nn.PixelUnshuffle(2), (1, 2, 6, 4))),
        ("ChannelShuffle", case(lambda: nn.ChannelShuffle(2), PLANE)),
        ("Unfold", case(lambda: nn.Unfold((2, 3), dilation=2, padding=1, stride=2), PLANE)),
        ("Fold", case(lambda: nn.Fold((5, 4), (2, 3), padding=1, stride=2), (1, 6, 6))),
        ("Fold", case(lambda: nn.Fold((4, 4), 2, dilation=2), (1, 4, 4))),
        ("Flatten", case(lambda: nn.Flatten(2), PLANE)),
        ("Flatten", case(nn.Flatten, PLANE)),
        ("Unflatten", case(lambda: nn.Unflatten(1, (2, 2)), PLANE)),
        ("Identity", case(nn.Identity, PLANE)),
        ("Sequential", case(lambda: nn.Sequential(nn.Conv2d(4, 2, 2), nn.Tanh()), PLANE)),
    ]


def _normalisation() -> list[tuple[str, Case]]:
    batch = (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d)
    instance = (nn.InstanceNorm1d, nn.InstanceNorm2d, nn.InstanceNorm3d)
    lazy_batch = (nn.LazyBatchNorm1d, nn.LazyBatchNorm2d, nn.LazyBatchNorm3d)
    lazy_instance = (nn.LazyInstanceNorm1d, nn.LazyInstanceNorm2d, nn.LazyInstanceNorm3d)
    return [
        *_each(*batch, num_features=4),
        *_each(*batch, num_features=4, track_running_stats=False),
        *_each(*instance, num_features=4),
        *_each(*instance, num_features=4, affine=True, track_running_stats=True),
        *_each(*lazy_batch),
        *_each(*lazy_instance, affine=True),
        *(("GroupNorm", case(lambda: nn.GroupNorm(2, 4), shape)) for shape in SHAPES),
        ("GroupNorm", case(lambda: nn.GroupNorm(4, 4, affine=False), PLANE)),
        ("LayerNorm", case(lambda: nn.LayerNorm(5), PLANE)),
        ("LayerNorm", case(lambda: nn.LayerNorm([6, 5], bias=False), PLANE)),
        ("LayerNorm", case(lambda: nn.LayerNorm([4, 6, 5], elementwise_affine=False), PLANE)),
        ("RMSNorm", case(lambda: nn.RMSNorm(5), PLANE)),
        ("RMSNorm", case(lambda: nn.RMSNorm([6, 5], elementwise_affine=False), PLANE)),
        *(
            ("LocalResponseNorm", case(lambda: nn.LocalResponseNorm(3, alpha=1.0), shape))
            for shape in SHAPES
        ),
        ("CrossMapLRN2d", case(lambda: nn.CrossMapLRN2d(3, alpha=1.0), PLANE)),
    ]


def _activations() -> list[tuple[str, Case]]:
    plain = (
        *(nn.CELU, nn.ELU, nn.GELU, nn.Hardshrink, nn.Hardsigmoid, nn.Hardswish, nn.Hardtanh),
        *(nn.LeakyReLU, nn.LogSigmoid, nn.Mish, nn.PReLU, nn.ReLU, nn.ReLU6, nn.RReLU, nn.SELU),
        *(nn.SiLU, nn.Sigmoid, nn.Softplus, nn.Softshrink, nn.Softsign, nn.Tanh, nn.Tanhshrink),
    )
    in_place = (
        *(nn.CELU, nn.ELU, nn.Hardsigmoid, nn.Hardswish, nn.Hardtanh, nn.LeakyReLU, nn.Mish),
        *(nn.ReLU, nn.ReLU6, nn.RReLU, nn.SELU, nn.SiLU),
    )
    dropping = (
        *(nn.Dropout, nn.Dropout2d, nn.Dropout3d, nn.AlphaDropout),
        nn.FeatureAlphaDropout,
    )
    choosing = (nn.Softmax, nn.LogSoftmax, nn.Softmin)
    return [
        *((kind.__name__, case(kind, (1, 2, 3, 3))) for kind in (*plain, *dropping)),
        ("Dropout1d", case(nn.Dropout1d, (1, 2, 3))),
        *((kind.__name__, case(partial(kind, inplace=True), (1, 2, 3, 3))) for kind in in_place),
        *(
            (kind.__name__, case(partial(kind, dim), PLANE))
            for kind in choosing
            for dim in (1, 2, -1)
        ),
        ("PReLU", case(lambda: nn.PReLU(4), PLANE)),
        ("Threshold", case(lambda: nn.Threshold(0.1, 3.0, inplace=True), (1, 2, 3, 3))),
        ("Softmax2d", case(nn.Softmax2d, PLANE)),
        ("GLU", case(lambda: nn.GLU(1), PLANE)),
        ("GLU", case(lambda: nn.GLU(-2), PLANE)),
        ("GELU", case(lambda: nn.GELU("tanh"), (1, 2, 3, 3))),
    ]


def _sequences() -> list[tuple[str, Case]]:
    step = (5, 2, 3)
    batch_first: dict[str, Any] = {"batch_first": True}
    recurrent = (nn.RNN, nn.LSTM, nn.GRU)
    return [
        *((kind.__name__, case(partial(kind, 3, 4), step)) for kind in recurrent),
        *(
            (
                kind.__name__,
                case(
                    partial(kind, 3, 2, num_layers=2, bidirectional=True, **batch_first),
                    (1, 5, 3),
                ),
            )
            for kind in recurrent
        ),
        *(
            (kind.__name__, case(partial(kind, 3, 2, num_layers=2), (4, 1, 3)))
            for kind in recurrent
        ),
        ("RNN", case(lambda: nn.RNN(3, 2, nonlinearity="relu", bias=False), (4, 3), trials=9)),
        ("LSTM", case(lambda: nn.LSTM(3, 4, proj_size=2, **batch_first), (1, 5, 3))),
        *(
            (kind.__name__, case(partial(kind, 3, 4), (1, 3)))
            for kind in (nn.RNNCell, nn.LSTMCell, nn.GRUCell)
        ),
        *(
            (kind.__name__, case(partial(_stepped, kind), (1, 5, 3)))
            for kind in (nn.RNNCell, nn.LSTMCell, nn.GRUCell)
        ),
        (
            "MultiheadAttention",
            case(lambda: _Attending(nn.MultiheadAttention(4, 2, **batch_first)), (1, 5, 4)),
        ),
        (
            "MultiheadAttention",
            case(
                lambda: _Attending(
                    nn.MultiheadAttention(4, 1, add_bias_kv=True, add_zero_attn=True)
                ),
                (5, 1, 4),
            ),
        ),
        (
            "MultiheadAttention",
            case(
                lambda: _Attending(nn.MultiheadAttention(4, 1, kdim=3, vdim=2, **batch_first)),
                (1, 2, 4),
                (1, 5, 3),
                (1, 5, 2),
            ),
        ),
        (
            "MultiheadAttention",
            case(lambda: _Causal(nn.MultiheadAttention(4, 2, **batch_first)), (1, 5, 4)),
        ),
        (
            "TransformerEncoderLayer",
            case(lambda: nn.TransformerEncoderLayer(4, 2, 6, **batch_first), (1, 5, 4)),
        ),
        (
            "TransformerEncoderLayer",
            case(
                lambda: nn.TransformerEncoderLayer(4, 2, 6, norm_first=True, activation="gelu"),
                (5, 1, 4),
            ),
        ),
        (
            "TransformerDecoderLayer",
            case(lambda: nn.TransformerDecoderLayer(4, 2, 6, **batch_first), (1, 3, 4), (1, 5, 4)),
        ),
        (
            "TransformerEncoder",
            case(
                lambda: nn.TransformerEncoder(
                    nn.TransformerEncoderLayer(4, 2, 6, **batch_first), 2
                ),
                (1, 4, 4),
            ),
        ),
        (
            "TransformerDecoder",
            case(
                lambda: nn.TransformerDecoder(
                    nn.TransformerDecoderLayer(4, 2, 6, **batch_first), 2
                ),
                (1, 3, 4),
                (1, 4, 4),
            ),
        ),
        (
            "Transformer",
            case(lambda: nn.Transformer(4, 2, 1, 1, 6, **batch_first), (1, 3, 4), (1, 4, 4)),
        ),
    ]


class _Stepped(nn.Module):
    """A recurrent cell, run from step to step."""

    def __init__(self, cell: nn.Module) -> None:
        super().__init__()
        self.cell = cell

    def forward(self, x: Tensor) -> Tensor:
        state, outputs = None, []
        for step in x.unbind(1):
            state = self.cell(step, state)
            outputs.append(state[0] if isinstance(state, tuple) else state)
        return torch.stack(outputs, 2)


def _stepped(kind: Callable[..., nn.Module]) -> nn.Module:
    return _Stepped(kind(3, 4))


class _Attending(nn.Module):
    """Attention of one sequence to itself or to others."""

    def __init__(self, attention: nn.Module) -> None:
        super().__init__()
        self.attention = attention

    def forward(self, query: Tensor, *others: Tensor) -> tuple[Tensor, Tensor]:
        key, value = others or (query, query)
        result: tuple[Tensor, Tensor] = self.attention(query, key, value)
        return result


class _Causal(_Attending):
    """Attention to what came before."""

    def forward(self, query: Tensor, *_: Tensor) -> tuple[Tensor, Tensor]:
        size = query.shape[1]
        mask = torch.ones(size, size, dtype=torch.bool, device=query.device).triu(1)
        result: tuple[Tensor, Tensor] = self.attention(
            query, query, query, attn_mask=mask, is_causal=True, need_weights=False
        )
        return result


def _others() -> list[tuple[str, Case]]:
    return [
        ("Linear", case(lambda: nn.Linear(5, 3), PLANE)),
        ("Linear", case(lambda: nn.Linear(5, 3, bias=False), (2, 5))),
        ("LazyLinear", case(lambda: nn.LazyLinear(3), PLANE)),
        ("Bilinear", case(lambda: nn.Bilinear(3, 4, 2), (2, 5, 3), (2, 5, 4))),
        ("Embedding", case(lambda: nn.Embedding(7, 3), whole(7, 2, 4))),
        (
            "Embedding",
            case(
                lambda: nn.Embedding(7, 3, padding_idx=0, max_norm=1.0),
                whole(7, 2, 4),
                status="bound",
            ),
        ),
        *(
            (
                "EmbeddingBag",
                case(partial(nn.EmbeddingBag, 7, 3, mode=mode), whole(7, 2, 4), trials=6),
            )
            for mode in ("sum", "mean", "max")
        ),
        ("CosineSimilarity", case(nn.CosineSimilarity, (2, 3, 4), (2, 3, 4))),
        ("CosineSimilarity", case(lambda: nn.CosineSimilarity(-1), (1, 3, 4), (2, 1, 4))),
        ("PairwiseDistance", case(nn.PairwiseDistance, (2, 3, 4), (2, 3, 4))),
        ("PairwiseDistance", case(lambda: nn.PairwiseDistance(1.5, keepdim=True), (3, 4), (3, 4))),
        ("weight_norm", case(lambda: parametrizations.weight_norm(nn.Conv2d(4, 2, 2)), PLANE)),
        ("spectral_norm", case(lambda: parametrizations.spectral_norm(nn.Conv2d(4, 2, 2)), PLANE)),
        ("orthogonal", case(lambda: parametrizations.orthogonal(nn.Linear(5, 5)), PLANE)),
    ]


CASES: list[tuple[str, Case]] = [
    *_convolutions(),
    *_pooling(),
    *_padding(),
    *_sampling(),
    *_normalisation(),
    *_activations(),
    *_sequences(),
    *_others(),
]
"""Name of the class or of the parametrisation, and the case."""
