"""Which rule an operator follows, and whether the rule is exact."""

from __future__ import annotations

from collections.abc import Container
from dataclasses import replace
from typing import Literal

from server.engine.indices import INDICES
from server.engine.receptive_field import (
    choices,
    losses,
    masked,
    movement,
    pointwise,
    products,
    recurrent,
    reductions,
    sampling,
    sums,
    windows,
)
from server.engine.receptive_field.reads import Rule, views_in
from server.engine.record import Operation, View

Status = Literal["exact", "bound", "unsupported"]
"""How sure a field is, from the best to the worst."""


def _table() -> dict[str, tuple[Rule, Status]]:
    exact: dict[Rule, tuple[str, ...]] = {
        pointwise.copied: ("copy", "fill"),
        pointwise.constant: tuple(pointwise.CONSTANT),
        pointwise.drawn: ("normal", "bernoulli"),
        pointwise.halves: ("glu",),
        windows.convolution: ("convolution", "_convolution", "convolution_overrideable"),
        windows.convolution_of_sequences: ("conv_tbc",),
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
        sampling.grid: ("grid_sampler_2d", "grid_sampler_3d"),
        sampling.fractional_pooling: ("fractional_max_pool2d", "fractional_max_pool3d"),
        sampling.affine_grid: ("affine_grid_generator",),
        movement.folding: ("col2im",),
        reductions.reduction: (
            *("sum", "mean", "amax", "amin", "max", "min", "prod", "var", "std", "var_mean"),
            *("std_mean", "linalg_vector_norm", "norm", "logsumexp", "any", "all", "argmax"),
            *("argmin", "median", "nanmedian", "mode", "nansum", "nanmean", "count_nonzero"),
            *("kthvalue", "aminmax", "topk", "sort", "argsort", "softmax", "_softmax"),
            *("log_softmax", "_log_softmax", "_safe_softmax", "_fft_r2c", "_fft_c2c", "_fft_c2r"),
        ),
        reductions.slices: ("renorm",),
        reductions.last_axis: ("multinomial",),
        reductions.cross: ("linalg_cross",),
        reductions.trace: ("trace",),
        reductions.ranks: ("bucketize", "searchsorted"),
        reductions.cumulation: ("cumsum", "cumprod", "cummax", "cummin", "logcumsumexp"),
        reductions.layer_normalisation: ("native_layer_norm", "layer_norm", "_fused_rms_norm"),
        reductions.group_normalisation: ("native_group_norm",),
        reductions.batch_normalisation: (
            *("native_batch_norm", "_native_batch_norm_legit", "cudnn_batch_norm"),
            *("_native_batch_norm_legit_no_training", "_batch_norm_no_update"),
        ),
        products.product: ("mm", "bmm", "addmm", "baddbmm", "addbmm", "mv", "addmv", "_int_mm"),
        products.outer: ("addr",),
        products.bilinear: ("_trilinear",),
        products.distances: ("_cdist_forward", "_euclidean_dist"),
        products.distances_within: ("_pdist_forward",),
        products.attention: (
            "_scaled_dot_product_flash_attention_for_cpu",
            "_scaled_dot_product_flash_attention",
            "_scaled_dot_product_efficient_attention",
            "_scaled_dot_product_cudnn_attention",
            "_scaled_dot_product_fused_attention_overrideable",
            "_scaled_dot_product_attention_math",
        ),
        products.heads: ("_native_multi_head_attention",),
        products.items: ("_transformer_encoder_layer_fwd",),
        products.matrices: (
            *("linalg_inv_ex", "_linalg_det", "_linalg_slogdet", "_linalg_svd", "_linalg_eigh"),
            *("linalg_eig", "_linalg_eigvals", "linalg_qr", "linalg_cholesky_ex", "cholesky"),
            *("linalg_matrix_exp", "linalg_lu", "linalg_lu_factor_ex", "linalg_pinv", "geqrf"),
            *("linalg_householder_product", "cholesky_inverse", "linalg_ldl_factor_ex"),
        ),
        recurrent.layer: ("mkldnn_rnn_layer",),
        recurrent.network: ("_cudnn_rnn", "miopen_rnn"),
        recurrent.cell: ("_thnn_fused_lstm_cell", "_thnn_fused_gru_cell"),
        choices.embedding: ("embedding",),
        choices.embedding_bag: ("_embedding_bag", "_embedding_bag_forward_only"),
        sums.unfolding: ("unfold_backward",),
        losses.elementwise: (
            *("mse_loss", "huber_loss", "smooth_l1_loss", "soft_margin_loss"),
            *("binary_cross_entropy", "binary_cross_entropy_with_logits"),
        ),
        reductions.all_of: ("dot", "vdot", "dist", "histc", "bincount"),
    }
    bound: dict[Rule, tuple[str, ...]] = {
        losses.of_classes: ("nll_loss_forward", "nll_loss2d_forward"),
        reductions.all_of: ("multi_margin_loss", "multilabel_margin_loss_forward", "_ctc_loss"),
        pointwise.renormalised: ("embedding_renorm",),
        products.matrices: (
            *("_linalg_solve_ex", "linalg_solve_triangular", "triangular_solve"),
            *("cholesky_solve", "_cholesky_solve_helper", "linalg_ldl_solve", "ormqr"),
        ),
    }
    table: dict[str, tuple[Rule, Status]] = {}
    for rule, names in exact.items():
        table |= dict.fromkeys(names, (rule, "exact"))
    for rule, names in bound.items():
        table |= dict.fromkeys(names, (rule, "bound"))
    return table


_RULES = _table()

_SUMS: dict[str, Rule] = {
    **dict.fromkeys(("scatter", "scatter_add", "scatter_reduce"), sums.along_axis),
    **dict.fromkeys(("index_add", "index_reduce"), sums.slices),
    **dict.fromkeys(("index_put", "_index_put_impl", "_unsafe_index_put"), sums.indexed),
    "put": sums.flat,
}
"""Rules for operators that add up what they put in the same place, where they do."""

_CHOICES: dict[str, Rule] = {
    "gather": choices.along_axis,
    "index_select": choices.slices_along_axis,
    **dict.fromkeys(("index", "_unsafe_index"), choices.indexed),
    **dict.fromkeys(("scatter", "scatter_add", "scatter_reduce"), choices.written_along_axis),
    "embedding": choices.embedding,
    "_embedding_bag": choices.embedding_bag,
    "_embedding_bag_forward_only": choices.embedding_bag,
    **dict.fromkeys(
        (
            *("max_unpool2d", "max_unpool3d", "fractional_max_pool2d", "fractional_max_pool3d"),
            *("grid_sampler_2d", "grid_sampler_3d"),
        ),
        sampling.anywhere,
    ),
}
"""Rules where the indices are not known."""

_TABLES = {
    **dict.fromkeys(("gather", "index_select", "index", "_unsafe_index"), "self"),
    **dict.fromkeys(("embedding", "_embedding_bag", "_embedding_bag_forward_only"), "weight"),
}
"""Operators that look something up, and the argument in which they do."""

_MASKED = {
    **dict.fromkeys(("where", "masked_fill"), pointwise.pointwise),
    **dict.fromkeys(
        (name for name in INDICES if name.startswith("_scaled_dot_product")), products.attention
    ),
}
"""Operators whose mask is one more tensor that they read where it is not known."""


def rule_of(operation: Operation, changing: Container[int] = ()) -> tuple[Rule, Status]:
    """The rule for an operation; one that is not known reads everything that it was given.

    Args:
        operation: with the values of those arguments by which it goes, if they are constant.
        changing: numbers of the storages whose values are not constant.
    """
    if operation.outside or operation.function is None:
        return reductions.all_of, "unsupported"
    if operation.masked is not None:
        rule, status = rule_of(replace(operation, masked=None), changing)
        sure = status != "exact" or not operation.masked.lost
        return masked.beneath(rule), status if sure else "bound"
    name = operation.name.removesuffix("_")
    given = operation.arguments
    by_value = [view for key in INDICES.get(name, ()) for view in views_in(given.get(key))]
    if any(view.values is None or view.storage in changing for view in by_value):
        if name in _MASKED:
            return _MASKED[name], "exact"
        table = given.get(_TABLES.get(name, ""))
        bags = given.get("offsets")
        constant = isinstance(table, View) and table.storage not in changing
        constant &= bags is None or bags.values is not None
        # What is looked up in a constant depends on all of the indices, and on nothing else.
        return _CHOICES.get(name, reductions.all_of), "exact" if constant else "bound"
    if name in _RULES:
        return _RULES[name]
    if name in _SUMS and (given.get("accumulate") or given.get("reduce") or name in _ADDING):
        return _SUMS[name], "exact"
    if movement.is_movement(operation):
        return movement.movement, "exact"
    if pointwise.is_pointwise(operation):
        return pointwise.pointwise, "exact"
    return reductions.all_of, "unsupported"


_ADDING = frozenset({"scatter_add", "index_add"})
