"""The functions of ``torch.nn.functional`` behind a network's layers: attention and losses."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from tests.support.operators import Case, as_type, call, made, positive


def attention() -> list[tuple[str, Case]]:
    sdpa = F.scaled_dot_product_attention
    sequences = ((1, 2, 4, 3), (1, 2, 5, 3), (1, 2, 5, 3))
    visible = torch.tensor(
        [[1, 0, 0, 1, 0], [1, 1, 0, 0, 0], [0, 1, 1, 0, 1], [1, 1, 1, 1, 0]]
    ).bool()
    hidden = torch.zeros(4, 5, dtype=torch.float64).masked_fill(~visible, float("-inf"))

    def heads(x: Tensor) -> tuple[Tensor, Tensor | None]:
        return F.multi_head_attention_forward(
            x,
            x,
            x,
            4,
            2,
            as_type(made(12, 4), x),
            as_type(made(12), x),
            None,
            None,
            False,
            0.0,
            as_type(made(4, 4), x),
            as_type(made(4), x),
            training=False,
        )

    return [
        ("scaled_dot_product_attention", call(sdpa, *sequences)),
        (
            "scaled_dot_product_attention",
            call(lambda q, k, v: sdpa(q, k, v, is_causal=True)[:, :, 1:], *sequences),
        ),
        (
            "scaled_dot_product_attention",
            call(lambda q, k, v: sdpa(q, k, v, attn_mask=visible.to(q.device)), *sequences),
        ),
        (
            "scaled_dot_product_attention",
            call(lambda q, k, v: sdpa(q, k, v, attn_mask=as_type(hidden, q)), *sequences),
        ),
        (
            "scaled_dot_product_attention",
            call(lambda q, k, v: sdpa(q, k, v, attn_mask=as_type(made(4, 5), q)), *sequences),
        ),
        (
            "scaled_dot_product_attention",
            call(lambda q, k, v, m: sdpa(q, k, v, attn_mask=m), *sequences, (1, 1, 4, 5)),
        ),
        (
            "scaled_dot_product_attention",
            call(
                lambda q, k, v: sdpa(q, k, v, enable_gqa=True),
                (1, 4, 4, 3),
                (1, 2, 5, 3),
                (1, 2, 5, 3),
            ),
        ),
        ("multi_head_attention_forward", call(heads, (4, 1, 4))),
    ]


def losses() -> list[tuple[str, Case]]:
    target, chosen = made(2, 3, 4), torch.tensor([[0, 2, 1, 0], [1, 1, 2, 0]])
    sign = torch.tensor([1.0, -1.0], dtype=torch.float64)
    against = (
        *(F.binary_cross_entropy_with_logits, F.huber_loss, F.l1_loss, F.mse_loss),
        *(F.smooth_l1_loss, F.poisson_nll_loss, F.hinge_embedding_loss),
    )
    three = ((2, 4), (2, 4), (2, 4))
    return [
        *(
            (f.__name__, call(lambda x, f=f: f(x, as_type(target, x), reduction="none"), (2, 3, 4)))
            for f in against
        ),
        (
            "kl_div",
            call(lambda x: F.kl_div(x, as_type(target.softmax(1), x), reduction="none"), (2, 3, 4)),
        ),
        ("mse_loss", call(F.mse_loss, (2, 3, 4), (2, 3, 4))),
        (
            "binary_cross_entropy",
            call(
                lambda x: F.binary_cross_entropy(x, as_type(target.sigmoid(), x), reduction="none"),
                positive(2, 3, 4),
            ),
        ),
        (
            "cross_entropy",
            call(
                lambda x: F.cross_entropy(x, as_type(chosen, x), reduction="none"),
                (2, 3, 4),
                status="bound",
            ),
        ),
        (
            "cross_entropy",
            call(lambda x: F.cross_entropy(x, as_type(target.softmax(1), x)), (2, 3, 4)),
        ),
        (
            "nll_loss",
            call(
                lambda x: F.nll_loss(x, as_type(chosen, x), reduction="none"),
                (2, 3, 4),
                status="bound",
            ),
        ),
        (
            "gaussian_nll_loss",
            call(
                lambda x, v: F.gaussian_nll_loss(x, as_type(target, x), v, reduction="none"),
                (2, 3, 4),
                positive(2, 3, 4),
            ),
        ),
        (
            "soft_margin_loss",
            call(
                lambda x: F.soft_margin_loss(x, as_type(target.sign(), x), reduction="none"),
                (2, 3, 4),
            ),
        ),
        (
            "multi_margin_loss",
            call(
                lambda x: F.multi_margin_loss(x, as_type(chosen[0, :2], x)), (2, 3), status="bound"
            ),
        ),
        (
            "multilabel_margin_loss",
            call(
                lambda x: F.multilabel_margin_loss(
                    x, as_type(torch.tensor([[1, -1, 0], [0, 2, -1]]), x)
                ),
                (2, 3),
                status="bound",
            ),
        ),
        (
            "multilabel_soft_margin_loss",
            call(
                lambda x: F.multilabel_soft_margin_loss(
                    x, as_type((target[..., 0] > 0).double(), x)
                ),
                (2, 3),
            ),
        ),
        (
            "margin_ranking_loss",
            call(
                lambda x, y: F.margin_ranking_loss(
                    x, y, as_type(sign, x), margin=9.0, reduction="none"
                ),
                (2,),
                (2,),
            ),
        ),
        (
            "cosine_embedding_loss",
            call(
                lambda x, y: F.cosine_embedding_loss(x, y, as_type(sign, x), margin=-1.0),
                (2, 4),
                (2, 4),
            ),
        ),
        (
            "triplet_margin_loss",
            call(
                lambda a, p, n: F.triplet_margin_loss(a, p, n, margin=40.0, reduction="none"),
                *three,
            ),
        ),
        (
            "triplet_margin_with_distance_loss",
            call(
                lambda a, p, n: F.triplet_margin_with_distance_loss(
                    a, p, n, margin=40.0, reduction="none"
                ),
                *three,
            ),
        ),
        (
            "ctc_loss",
            call(
                lambda x: F.ctc_loss(
                    x.log_softmax(-1),
                    torch.tensor([[1, 2]], device=x.device),
                    torch.tensor([5]),
                    torch.tensor([2]),
                ),
                (5, 1, 4),
                status="bound",
            ),
        ),
        (
            "linear_cross_entropy",
            call(
                lambda x: F.linear_cross_entropy(
                    x, as_type(made(5, 3), x), as_type(torch.tensor([0, 4]), x)
                ),
                (2, 3),
                status="bound",
            ),
        ),
    ]
