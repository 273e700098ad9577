"""Which rule an operator follows, and whether the rule is exact."""

from __future__ import annotations

from typing import Literal

from server.engine.receptive_field import movement, pointwise, reductions, windows
from server.engine.receptive_field.reads import Rule
from server.engine.record import Operation

Status = Literal["exact", "bound", "unsupported"]
"""How sure a field is, from the best to the worst."""


def _table() -> dict[str, tuple[Rule, Status]]:
    exact: dict[Rule, tuple[str, ...]] = {
        pointwise.copied: ("copy", "fill"),
        pointwise.constant: tuple(pointwise.CONSTANT),
        windows.convolution: ("convolution", "_convolution", "convolution_overrideable"),
        windows.pooling: (
            *("max_pool2d_with_indices", "max_pool3d_with_indices", "max_pool1d", "max_pool2d"),
            *("max_pool3d", "mkldnn_max_pool2d", "mkldnn_max_pool3d"),
            *("avg_pool1d", "avg_pool2d", "avg_pool3d"),
        ),
        windows.adaptive_pooling: (
            *("_adaptive_avg_pool2d", "_adaptive_avg_pool3d", "adaptive_avg_pool1d"),
            *("adaptive_avg_pool2d", "adaptive_avg_pool3d", "mkldnn_adaptive_avg_pool2d"),
            *("adaptive_max_pool1d", "adaptive_max_pool2d", "adaptive_max_pool3d"),
        ),
        windows.interpolation: (
            *("upsample_nearest1d", "upsample_nearest2d", "upsample_nearest3d"),
            *("_upsample_nearest_exact1d", "_upsample_nearest_exact2d"),
            *("_upsample_nearest_exact3d", "upsample_linear1d", "upsample_bilinear2d"),
            *("upsample_trilinear3d", "upsample_bicubic2d"),
            *("_upsample_bilinear2d_aa", "_upsample_bicubic2d_aa"),
        ),
        movement.folding: ("col2im",),
        reductions.reduction: (
            *("sum", "mean", "amax", "amin", "max", "min", "prod", "var", "std", "var_mean"),
            *("std_mean", "linalg_vector_norm", "norm", "logsumexp", "any", "all", "argmax"),
            *("argmin", "median", "nanmedian", "mode", "nansum", "nanmean", "count_nonzero"),
            *("kthvalue", "aminmax", "topk", "sort", "argsort", "softmax", "_softmax"),
            *("log_softmax", "_log_softmax", "_safe_softmax", "_fft_r2c", "_fft_c2c"),
        ),
        reductions.cumulation: ("cumsum", "cumprod", "cummax", "cummin", "logcumsumexp"),
        reductions.layer_normalisation: ("native_layer_norm", "layer_norm", "_fused_rms_norm"),
        reductions.group_normalisation: ("native_group_norm",),
        reductions.batch_normalisation: (
            *("native_batch_norm", "_native_batch_norm_legit", "cudnn_batch_norm"),
            *("_native_batch_norm_legit_no_training", "_batch_norm_no_update"),
        ),
        reductions.product: ("mm", "bmm", "addmm", "baddbmm", "mv", "addmv"),
        reductions.attention: (
            "_scaled_dot_product_flash_attention_for_cpu",
            "_scaled_dot_product_flash_attention",
            "_scaled_dot_product_efficient_attention",
            "_scaled_dot_product_cudnn_attention",
        ),
        reductions.embedding: ("embedding",),
        reductions.all_of: ("dot", "vdot"),
    }
    bound: dict[Rule, tuple[str, ...]] = {
        windows.anywhere: (
            *("max_unpool2d", "max_unpool3d", "fractional_max_pool2d", "fractional_max_pool3d"),
            *("grid_sampler_2d", "grid_sampler_3d"),
        ),
    }
    table: dict[str, tuple[Rule, Status]] = {}
    for rule, names in exact.items():
        table |= dict.fromkeys(names, (rule, "exact"))
    for rule, names in bound.items():
        table |= dict.fromkeys(names, (rule, "bound"))
    return table


_RULES = _table()


def rule_of(operation: Operation) -> tuple[Rule, Status]:
    """The rule for an operation; one that is not known reads everything that it was given."""
    if operation.outside or operation.function is None:
        return reductions.all_of, "unsupported"
    name = operation.name.removesuffix("_")
    if name in _RULES:
        return _RULES[name]
    if movement.is_movement(operation):
        return movement.movement, "exact"
    if pointwise.is_pointwise(operation):
        return pointwise.pointwise, "exact"
    return reductions.all_of, "unsupported"
