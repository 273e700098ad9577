"""The functions of ``torch.nn.functional``, each with settings that differ in what they read."""

from __future__ import annotations

import torch
import torch.nn.functional as F

from tests.support.operators import Case, as_type, call, made, whole
from tests.support.operators_sampling import sampling
from tests.support.operators_sequences import attention, losses

LINE, PLANE, SPACE = (1, 4, 9), (1, 4, 6, 5), (1, 4, 3, 4, 3)

LEFT_OUT = {
    **dict.fromkeys(
        (
            *("Optional", "assert_int_or_pair", "boolean_dispatch", "handle_torch_function"),
            *("has_torch_function", "has_torch_function_unary", "has_torch_function_variadic"),
        ),
        "no function of tensors, but a helper that the module imports",
    ),
    **dict.fromkeys(
        ("grouped_mm", "scaled_mm", "scaled_grouped_mm"), "takes types that only GPUs multiply"
    ),
}
"""Names without a case, and why."""


def _convolutions() -> list[tuple[str, Case]]:
    cases = [
        (
            "conv_tbc",
            call(
                lambda x: F.conv_tbc(x, as_type(made(3, 4, 2), x), as_type(made(2), x), 1),
                (6, 1, 4),
            ),
        ),
        ("linear", call(lambda x: F.linear(x, as_type(made(2, 5), x)), PLANE)),
        (
            "bilinear",
            call(lambda x, y: F.bilinear(x, y, as_type(made(2, 3, 4), x)), (2, 5, 3), (2, 5, 4)),
        ),
    ]
    shapes = (LINE, PLANE, SPACE)
    plain = (F.conv1d, F.conv2d, F.conv3d)
    transposed = (F.conv_transpose1d, F.conv_transpose2d, F.conv_transpose3d)
    for axes, (f, t, shape) in enumerate(zip(plain, transposed, shapes, strict=True), start=1):
        weight, narrow = made(2, 4, *[2] * axes), made(4, 2, *[3] * axes)
        cases += [
            (f"conv{axes}d", call(lambda x, f=f, w=weight: f(x, as_type(w, x)), shape)),
            (
                f"conv{axes}d",
                call(lambda x, f=f, w=narrow: f(x, as_type(w, x), padding="same", groups=2), shape),
            ),
            (
                f"conv{axes}d",
                call(
                    lambda x, f=f, w=narrow: f(x, as_type(w, x), stride=2, padding=1, groups=2),
                    shape,
                ),
            ),
            (f"conv{axes}d", call(lambda x, y, f=f: f(x, y), shape, tuple(weight.shape))),
            (
                f"conv_transpose{axes}d",
                call(
                    lambda x, t=t, w=narrow: t(x, as_type(w, x), stride=2, output_padding=1), shape
                ),
            ),
        ]
    return cases


def _pooling() -> list[tuple[str, Case]]:
    cases = []
    for axes, shape in enumerate((LINE, PLANE, SPACE), start=1):
        pool = {
            name: getattr(F, f"{name}{axes}d")
            for name in (
                "avg_pool",
                "max_pool",
                "lp_pool",
                "adaptive_avg_pool",
                "adaptive_max_pool",
            )
        }
        indexed = {
            name: getattr(F, f"{name}{axes}d_with_indices")
            for name in ("max_pool", "adaptive_max_pool")
        }
        cases += [
            (
                f"avg_pool{axes}d",
                call(lambda x, f=pool["avg_pool"]: f(x, 2, 1, ceil_mode=True), shape),
            ),
            (
                f"max_pool{axes}d",
                call(lambda x, f=pool["max_pool"]: f(x, 2, 2, 1, ceil_mode=True), shape),
            ),
            (
                f"max_pool{axes}d",
                call(
                    lambda x, f=pool["max_pool"]: f(x, 2, 1, dilation=2, return_indices=True), shape
                ),
            ),
            (
                f"max_pool{axes}d_with_indices",
                call(lambda x, f=indexed["max_pool"]: f(x, 2), shape),
            ),
            (f"lp_pool{axes}d", call(lambda x, f=pool["lp_pool"]: f(x, 2.0, 2, 1), shape)),
            (f"lp_pool{axes}d", call(lambda x, f=pool["lp_pool"]: f(x, float("inf"), 2), shape)),
            (
                f"adaptive_avg_pool{axes}d",
                call(lambda x, f=pool["adaptive_avg_pool"]: f(x, 2), shape),
            ),
            (
                f"adaptive_max_pool{axes}d",
                call(lambda x, f=pool["adaptive_max_pool"]: f(x, 2), shape),
            ),
            (
                f"adaptive_max_pool{axes}d_with_indices",
                call(lambda x, f=indexed["adaptive_max_pool"]: f(x, 3), shape),
            ),
        ]
    for axes, (shape, places) in enumerate(
        (((1, 1, 3), [1, 2, 5]), ((1, 1, 2, 2), [0, 3, 9, 14]), ((1, 1, 1, 1, 2), [0, 3])), start=1
    ):
        unpool, index = getattr(F, f"max_unpool{axes}d"), torch.tensor(places).reshape(shape)
        cases += [
            (
                f"max_unpool{axes}d",
                call(lambda x, f=unpool, i=index: f(x, as_type(i, x), 2), shape),
            )
        ]
    plane, space = torch.tensor([[[0.3, 0.7]]]), torch.tensor([[[0.3, 0.7, 0.1]]])
    flat, cube = (1, 2, 6, 5), (1, 2, 4, 3, 4)
    for suffix in ("", "_with_indices"):
        f2, f3 = (getattr(F, f"fractional_max_pool{n}d{suffix}") for n in "23")
        cases += [
            (
                f"fractional_max_pool2d{suffix}",
                call(lambda x, f=f2: f(x, 2, (3, 3)), flat, status="bound"),
            ),
            (
                f"fractional_max_pool3d{suffix}",
                call(lambda x, f=f3: f(x, 2, (2, 1, 2)), cube, status="bound"),
            ),
            (
                f"fractional_max_pool2d{suffix}",
                call(
                    lambda x, f=f2: f(
                        x, (2, 1), (3, 4), _random_samples=as_type(plane.expand(1, 2, 2), x)
                    ),
                    flat,
                ),
            ),
            (
                f"fractional_max_pool3d{suffix}",
                call(
                    lambda x, f=f3: f(
                        x, 2, output_ratio=0.6, _random_samples=as_type(space.expand(1, 2, 3), x)
                    ),
                    cube,
                ),
            ),
        ]
    return cases


def _movement() -> list[tuple[str, Case]]:
    modes = ("constant", "reflect", "replicate", "circular")
    cases = []
    for shape in (LINE, PLANE, SPACE):
        pads = (1, 2, 0, 1, 2, 1)[: 2 * (len(shape) - 2)]
        cases += [("pad", call(lambda x, m=mode, p=pads: F.pad(x, p, m), shape)) for mode in modes]
    return [
        *cases,
        ("pad", call(lambda x: F.pad(x, (-1, 1, 2, -2, 0, 1), value=2.0), PLANE)),
        ("pixel_shuffle", call(lambda x: F.pixel_shuffle(x, 2), PLANE)),
        ("pixel_unshuffle", call(lambda x: F.pixel_unshuffle(x, 2), (1, 2, 4, 6))),
        ("channel_shuffle", call(lambda x: F.channel_shuffle(x, 2), PLANE)),
        ("native_channel_shuffle", call(lambda x: F.native_channel_shuffle(x, 2), PLANE)),
        (
            "unfold",
            call(lambda x: F.unfold(x, (2, 3), dilation=(2, 1), padding=1, stride=2), PLANE),
        ),
        (
            "fold",
            call(lambda x: F.fold(x, (5, 4), (2, 3), stride=(1, 2), padding=(0, 1)), (1, 6, 8)),
        ),
        ("one_hot", call(lambda x: F.one_hot(x, 5), whole(5, 2, 4), status="bound", trials=8)),
        (
            "embedding",
            call(
                lambda x: F.embedding(
                    x, as_type(made(5, 3), x) if x.is_floating_point() else made(5, 3).to(x.device)
                ),
                whole(5, 2, 4),
            ),
        ),
        (
            "embedding",
            call(lambda w: F.embedding(torch.tensor([[1, 3]], device=w.device), w), (5, 3)),
        ),
        (
            "embedding_bag",
            call(
                lambda x: F.embedding_bag(x, made(5, 3).to(x.device), mode="mean"), whole(5, 2, 4)
            ),
        ),
        (
            "embedding_bag",
            call(
                lambda x: F.embedding_bag(
                    x, made(5, 3).to(x.device), torch.tensor([0, 2, 3], device=x.device), mode="sum"
                ),
                whole(5, 6),
            ),
        ),
    ]


def _pointwise() -> list[tuple[str, Case]]:
    plain = (
        *(F.celu, F.elu, F.gelu, F.hardshrink, F.hardsigmoid, F.hardswish, F.hardtanh),
        *(F.leaky_relu, F.mish, F.relu, F.relu6, F.rrelu, F.selu, F.sigmoid),
        *(F.silu, F.softplus, F.softshrink, F.softsign, F.tanh, F.tanhshrink),
    )
    in_place = (F.celu_, F.elu_, F.hardtanh_, F.leaky_relu_, F.relu_, F.rrelu_, F.selu_)
    dropping = (F.dropout, F.dropout2d, F.dropout3d, F.alpha_dropout, F.feature_alpha_dropout)
    inside = (
        F.celu,
        F.elu,
        F.hardsigmoid,
        F.hardswish,
        F.hardtanh,
        F.leaky_relu,
        F.mish,
        F.relu,
        F.relu6,
        F.rrelu,
        F.selu,
        F.silu,
    )
    small = (1, 2, 3, 3)
    return [
        *((f.__name__, call(lambda x, f=f: f(x), small)) for f in plain),
        ("logsigmoid", call(lambda x: F.logsigmoid(x), small)),
        *((f.__name__, call(lambda x, f=f: f(x.clone()), small)) for f in in_place),
        *((f.__name__, call(lambda x, f=f: f(x, inplace=True), small)) for f in inside),
        *((f.__name__, call(lambda x, f=f: f(x, 0.1), small)) for f in dropping),
        *((f.__name__, call(lambda x, f=f: f(x, 0.3, False), small)) for f in dropping),
        ("dropout", call(lambda x: F.dropout(x, 0.1, inplace=True), small)),
        ("dropout1d", call(lambda x: F.dropout1d(x, 0.1), (1, 2, 5))),
        ("threshold", call(lambda x: F.threshold(x, 0.1, 2.0), small)),
        ("threshold_", call(lambda x: torch.threshold_(x.clone(), 0.1, 2.0), small)),
        ("prelu", call(lambda x: F.prelu(x, as_type(made(2), x)), small)),
        ("prelu", call(lambda x, w: F.prelu(x, w), small, (2,), trials=9)),
    ]


def _reductions() -> list[tuple[str, Case]]:
    along = (F.softmax, F.log_softmax, F.softmin, F.normalize)
    return [
        *(
            (f.__name__, call(lambda x, f=f, d=dim: f(x, dim=d), PLANE))
            for f in along
            for dim in (1, 2, -1)
        ),
        ("normalize", call(lambda x: F.normalize(x, p=float("inf"), dim=3), PLANE)),
        ("gumbel_softmax", call(lambda x: F.gumbel_softmax(x, dim=2), PLANE)),
        (
            "gumbel_softmax",
            call(lambda x: F.gumbel_softmax(x, hard=True), (1, 2, 3, 3), status="bound"),
        ),
        ("glu", call(F.glu, (1, 2, 3, 4))),
        ("glu", call(lambda x: F.glu(x, 1), PLANE)),
        (
            "batch_norm",
            call(lambda x: F.batch_norm(x, as_type(made(4), x), as_type(made(4).abs(), x)), PLANE),
        ),
        ("batch_norm", call(lambda x: F.batch_norm(x, None, None, training=True), PLANE)),
        ("instance_norm", call(F.instance_norm, PLANE)),
        (
            "instance_norm",
            call(
                lambda x: F.instance_norm(
                    x, as_type(made(4), x), as_type(made(4).abs(), x), use_input_stats=False
                ),
                PLANE,
            ),
        ),
        ("group_norm", call(lambda x: F.group_norm(x, 2), PLANE)),
        ("layer_norm", call(lambda x: F.layer_norm(x, (6, 5)), PLANE)),
        ("rms_norm", call(lambda x: F.rms_norm(x, (5,)), PLANE)),
        ("local_response_norm", call(lambda x: F.local_response_norm(x, 2, alpha=1.0), PLANE)),
        (
            "cosine_similarity",
            call(lambda x, y: F.cosine_similarity(x, y, dim=2), (1, 2, 3, 4), (1, 2, 3, 4)),
        ),
        ("pairwise_distance", call(F.pairwise_distance, (1, 3, 4), (1, 3, 4))),
        ("pdist", call(F.pdist, (4, 3))),
        ("pdist", call(lambda x: F.pdist(x, 1.0), (4, 3))),
    ]


CASES: list[tuple[str, Case]] = [
    *_convolutions(),
    *_pooling(),
    *_movement(),
    *sampling(),
    *_pointwise(),
    *_reductions(),
    *attention(),
    *losses(),
]
"""Name of the function, and the case."""
