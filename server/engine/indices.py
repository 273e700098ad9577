"""Arguments by whose values an operator goes: indices, masks, and places to sample at."""

from __future__ import annotations

from collections.abc import Mapping

INDICES: Mapping[str, tuple[str, ...]] = {
    **dict.fromkeys(
        (
            *("index_select", "gather", "take", "put", "scatter", "scatter_add"),
            *("scatter_reduce", "index_add", "index_copy", "index_fill", "index_reduce"),
        ),
        ("index",),
    ),
    **dict.fromkeys(
        (
            *("index", "_unsafe_index", "index_put", "_unsafe_index_put", "_index_put_impl"),
            *("embedding", "max_unpool2d", "max_unpool3d"),
        ),
        ("indices",),
    ),
    **dict.fromkeys(("_embedding_bag", "_embedding_bag_forward_only"), ("indices", "offsets")),
    **dict.fromkeys(("masked_select", "masked_scatter", "masked_fill"), ("mask",)),
    "where": ("condition",),
    "repeat_interleave": ("repeats",),
    **dict.fromkeys(("fractional_max_pool2d", "fractional_max_pool3d"), ("random_samples",)),
    **dict.fromkeys(("grid_sampler_2d", "grid_sampler_3d"), ("grid",)),
    **dict.fromkeys(
        ("_scaled_dot_product_flash_attention_for_cpu", "_scaled_dot_product_attention_math"),
        ("attn_mask",),
    ),
    **dict.fromkeys(
        (
            *("_scaled_dot_product_efficient_attention", "_scaled_dot_product_cudnn_attention"),
            "_scaled_dot_product_fused_attention_overrideable",
        ),
        ("attn_bias",),
    ),
}
"""By the operator's name, without the underscore of those in place."""
