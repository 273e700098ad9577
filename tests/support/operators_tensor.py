"""What forwards do with tensors besides layers: indexing, moving, writing, joining, sorting."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from tests.support.operators import Case, call, made, positive, truth, whole
from tests.support.operators_linear import matrices, products, spectra, whole_layers

FIELD, SMALL, TOKENS = (1, 2, 4, 5), (1, 2, 3, 3), (1, 2, 4, 3)


UNTYPED: Any = torch
"""Some functions of PyTorch have no types."""


def written(write: Callable[[Tensor], Any]) -> Callable[[Tensor], Tensor]:
    """What a copy holds after writing to it."""

    def forward(x: Tensor) -> Tensor:
        y = x.clone()
        write(y)
        return y

    return forward


def index(x: Tensor, *values: int) -> Tensor:
    """A constant index on the input's device."""
    return torch.tensor(values, device=x.device)


def _moving() -> dict[str, Callable[..., Any]]:
    return {
        "slice": lambda x: x[:, :, 1:-1, ::2],
        "slice ellipsis": lambda x: x[..., None, -2:],
        "select": lambda x: x[:, 1],
        "index list": lambda x: x[:, :, [2, 0, 0]],
        "index tensors": lambda x: x[:, :, index(x, 0, 3), index(x, 1, 2)],
        "index broadcast": lambda x: x[:, :, index(x, 0, 3)[:, None], index(x, 1, 2, 4)],
        "index apart": lambda x: x[:, index(x, 1, 0), :, index(x, 1, 2)],
        "index mask": lambda x: x[
            :, :, :, torch.tensor([True, False, True, True, False], device=x.device)
        ],
        "flip": lambda x: x.flip(2, 3),
        "fliplr": lambda x: x[0].fliplr(),
        "flipud": lambda x: x[0].flipud(),
        "negative step": lambda x: x.flip(3)[..., ::2],
        "roll": lambda x: x.roll((1, -2), (2, 3)),
        "roll flat": lambda x: x.roll(3),
        "transpose": lambda x: x.transpose(1, 3),
        "permute": lambda x: x.permute(0, 3, 1, 2),
        "movedim": lambda x: x.movedim(1, -1),
        "mT": lambda x: x.mT,
        "adjoint": lambda x: x.adjoint(),
        "swapaxes": lambda x: x.swapaxes(2, 3).contiguous(),
        "reshape": lambda x: x.permute(0, 2, 3, 1).reshape(1, 5, 8),
        "view": lambda x: x.view(1, 4, 10),
        "view as": lambda x: x.view_as(torch.zeros(1, 5, 4, 2, device=x.device)),
        "flatten": lambda x: x.flatten(2),
        "unflatten": lambda x: x.unflatten(2, (2, 2)),
        "ravel": lambda x: x.transpose(2, 3).ravel()[None],
        "squeeze": lambda x: x[:, :1].squeeze(1),
        "unsqueeze": lambda x: x.unsqueeze(2),
        "expand": lambda x: x[:, :, :1].expand(-1, -1, 3, -1),
        "expand and write": written(lambda y: y.copy_(y[:, :, :1].expand_as(y).clone())),
        "broadcast to": lambda x: x[:, :1].broadcast_to(1, 3, 4, 5),
        "repeat": lambda x: x.repeat(1, 2, 1, 2),
        "tile": lambda x: x.tile(2, 1),
        "repeat interleave": lambda x: x.repeat_interleave(2, 3),
        "repeat interleave by": lambda x: x.repeat_interleave(index(x, 1, 0, 2, 1), 2),
        "rot90": lambda x: x.rot90(1, (2, 3)),
        "rot180": lambda x: torch.rot90(x, 2, (2, 3)),
        "narrow": lambda x: x.narrow(3, 1, 3),
        "index select": lambda x: x.index_select(2, index(x, 3, 1)),
        "take": lambda x: x.take(index(x, 3, 38, 0))[None],
        "take along dim": lambda x: x.take_along_dim(index(x, 3, 1).view(1, 1, 2, 1), 2),
        "gather": lambda x: x.gather(3, index(x, 0, 4, 2, 1).view(1, 1, 2, 2)),
        "masked select": lambda x: x.masked_select(
            torch.arange(40, device=x.device).view(FIELD) % 3 == 0
        )[None],
        "unfold": lambda x: x.unfold(2, 2, 1).unfold(3, 3, 2),
        "diagonal": lambda x: x.diagonal(1, 2, 3),
        "diag embed": lambda x: x.diag_embed(1),
        "diag": lambda x: x[0, 0].diag()[None],
        "tril": lambda x: x.tril(),
        "triu": lambda x: x.triu(1),
        "as strided": lambda x: x.as_strided((1, 2, 3, 3), (40, 20, 6, 1), 1),
        "real view": lambda x: torch.view_as_real(
            torch.view_as_complex(x[..., :4].reshape(1, 2, 4, 2, 2).contiguous())
        ),
        "dtype view": lambda x: x.view(torch.uint8).view(x.dtype),
        "detach": lambda x: x.detach(),
        "clone": lambda x: x.clone(memory_format=torch.channels_last),
        "to": lambda x: x.to(torch.float32).double(),
        "pixel shuffle": lambda x: F.pixel_shuffle(x.repeat(1, 2, 1, 1), 2),
        "block diagonal": lambda x: UNTYPED.block_diag(x[0, 0], x[0, 1])[None],
        "combinations": lambda x: torch.combinations(x[0, 0, 0]),
        "cartesian product": lambda x: torch.cartesian_prod(x[0, 0, 0], x[0, 1, 0]),
        "vander": lambda x: torch.vander(x[0, 0, 0], 3),
        "constant pad": lambda x: torch.constant_pad_nd(x, (1, -1, 2, 0), 1.0),
    }


def _joining() -> dict[str, Callable[..., Any]]:
    return {
        "cat": lambda x: torch.cat([x, x[:, :, :2]], 2),
        "cat empty": lambda x: torch.cat([x[:, :0], x], 1),
        "concat out": lambda x: torch.cat(
            [x, x], 1, out=torch.empty(1, 4, 4, 5, dtype=x.dtype, device=x.device)
        ),
        "stack": lambda x: torch.stack([x, x.flip(3)], 2),
        "hstack": lambda x: torch.hstack([x, x]),
        "vstack": lambda x: torch.vstack([x, x.roll(1, 3)]),
        "dstack": lambda x: torch.dstack([x, x]),
        "column stack": lambda x: torch.column_stack([x[0, 0], x[0, 1]]),
        "chunk": lambda x: x.chunk(2, 3),
        "split": lambda x: x.split([1, 3], 2),
        "tensor split": lambda x: x.tensor_split(3, 3),
        "hsplit": lambda x: x.hsplit(2)[1],
        "unbind": lambda x: x.unbind(2),
        "unsafe chunk": lambda x: x.unsafe_chunk(2, 2)[1],
        "dictionary": lambda x: {"left": x[..., :2], "right": {"all": x}},
        "meshgrid": lambda x: (
            x
            + sum(
                torch.meshgrid(
                    torch.arange(4.0, device=x.device),
                    torch.arange(5.0, device=x.device),
                    indexing="ij",
                )
            )
        ),
        "broadcast tensors": lambda x: UNTYPED.broadcast_tensors(x[:, :, :1], x[:, :1])[0],
        "atleast": lambda x: UNTYPED.atleast_3d(x[0, 0]),
    }


def _writing() -> dict[str, Callable[..., Any]]:
    def cross(x: Tensor) -> Tensor:
        y = torch.zeros_like(x)
        y[:, :, 1] = x[:, :, 0]
        y[..., 2] += x[..., 4]
        y.transpose(2, 3)[:, :, 0].add_(x[:, :, :1].transpose(2, 3)[:, :, 3])
        return y

    def through(x: Tensor) -> Tensor:
        y = x.clone()
        view = y.view(1, 2, 20)
        view[..., 1:] = view[..., :-1].clone()
        return y * 2

    def chained(x: Tensor) -> Tensor:
        y = x.clone()
        row = y[0, 0, 1]
        row[1:3].copy_(y[0, 1, 0, 2:4])
        row.mul_(y[0, 1, 3])
        return y.flip(1)

    def last(x: Tensor) -> Tensor:
        y = x.clone()
        y[:, :, :2] = x[:, :, 2:]
        y[:, :, 1:3] = 0
        return y

    def half(x: Tensor) -> Tensor:
        y = torch.empty_like(x)
        torch.add(x, 1, out=y)
        y[:, 0].fill_(3)
        return y

    return {
        "into views": cross,
        "through a view": through,
        "chained views": chained,
        "overwritten": last,
        "out and fill": half,
        "setitem list": written(
            lambda y: y.__setitem__((slice(None), slice(None), [0, 2]), y[:, :, [1, 1]])
        ),
        "setitem mask": written(
            lambda y: y.__setitem__(torch.arange(40, device=y.device).view(FIELD) % 3 == 0, 0.5)
        ),
        "index put": written(
            lambda y: y.index_put_(
                (index(y, 0), index(y, 1), index(y, 3), index(y, 4)), y[0, 0, :1, 0].clone()
            )
        ),
        "index put sum": written(
            lambda y: y.index_put_(
                (index(y, 0, 0), index(y, 1, 1), index(y, 3, 3), index(y, 0, 0)),
                y[0, 0, :2, 4].clone(),
                accumulate=True,
            )
        ),
        "index add": lambda x: x.index_add(2, index(x, 0, 0, 3), x[:, :, 1:]),
        "index copy": lambda x: x.index_copy(2, index(x, 0, 3), x[:, :, 1:3]),
        "index fill": lambda x: x.index_fill(3, index(x, 1, 4), 0.5),
        "scatter": lambda x: x.scatter(3, index(x, 0, 3).expand(1, 2, 4, 2), x[..., 1:3]),
        "scatter value": lambda x: x.scatter(
            2, index(x, 1).view(1, 1, 1, 1).expand(1, 2, 1, 5), 2.0
        ),
        "scatter add": lambda x: torch.zeros_like(x).scatter_add(
            3, index(x, 0, 0, 3).expand(1, 2, 4, 3), x[..., :3]
        ),
        "scatter reduce": lambda x: x.scatter_reduce(
            2, index(x, 0, 1, 1, 3).view(1, 1, 4, 1).expand(1, 2, 4, 5), x, "amax"
        ),
        "slice scatter": lambda x: x.slice_scatter(x[:, :, :2] * 2, 2, 1, 3),
        "select scatter": lambda x: x.select_scatter(x[:, :, 0] * 2, 2, 3),
        "diagonal scatter": lambda x: x.diagonal_scatter(x[..., 0, :4] * 2, 0, 2, 3),
        "masked scatter": lambda x: x.masked_scatter(
            torch.arange(40, device=x.device).view(FIELD) % 3 == 0, x.flip(3)
        ),
        "masked fill": lambda x: x.masked_fill(
            torch.arange(40, device=x.device).view(FIELD) % 3 == 0, 0.5
        ),
        "masked fill in place": written(
            lambda y: y.masked_fill_(
                torch.ones(4, 5, dtype=torch.bool, device=y.device).triu(1), 0.0
            )
        ),
        "where": lambda x: torch.where(torch.arange(5, device=x.device) > 2, x, x.flip(3)),
        "put": written(lambda y: y.put_(index(y, 3, 17), y[0, 1, 0, :2].clone())),
        "fill diagonal": lambda x: x[0, 0].clone().fill_diagonal_(0.0)[None],
        "zero": written(lambda y: y[:, :, 1].zero_()),
        "absolute in place": written(lambda y: y.abs_()),
        "compared in place": written(lambda y: y[:, :, 1:].ge_(0.1)),
        "copied sign in place": written(lambda y: y.copysign_(y.flip(3))),
        "swap": written(lambda y: y[:, 0].copy_(y[:, 1].clone())),
        "lerp": lambda x: x.lerp_(x.flip(3).clone(), 0.3) if not x.requires_grad else x,
        "addcmul": lambda x: x.clone().addcmul_(x.flip(2), x.flip(3)),
    }


def _reducing() -> dict[str, Callable[..., Any]]:
    names = (
        *("sum", "mean", "amax", "amin", "prod", "logsumexp", "var", "std", "norm", "nansum"),
        *("argmax", "argmin", "mode", "max", "min", "nanmean"),
    )
    along: dict[str, Callable[..., Any]] = {
        f"{name} along": lambda x, n=name: getattr(x, n)(2) for name in names
    }
    return along | {
        "sum of all": lambda x: x.sum()[None],
        "mean of two": lambda x: x.mean((1, 3), keepdim=True),
        "count nonzero": lambda x: (x > 0).count_nonzero(2),
        "kthvalue": lambda x: x.kthvalue(2, 3),
        "aminmax": lambda x: x.aminmax(dim=2),
        "topk": lambda x: x.topk(2, 3),
        "sort": lambda x: x.sort(2, descending=True),
        "argsort": lambda x: x.argsort(3),
        "msort": lambda x: x.msort(),
        "var mean": lambda x: torch.var_mean(x, 3),
        "linalg norm": lambda x: torch.linalg.vector_norm(x, 2, (2, 3)),
        "matrix norm": lambda x: torch.linalg.matrix_norm(x),
        "trace": lambda x: x[0, 0].trace()[None],
        "cumsum": lambda x: x.cumsum(2),
        "cumprod": lambda x: x.cumprod(3),
        "cummax": lambda x: x.cummax(3).values,
        "logcumsumexp": lambda x: x.logcumsumexp(2),
        "cumsum in place": written(lambda y: y.cumsum_(3)),
        "diff": lambda x: x.diff(dim=3),
        "diff twice": lambda x: x.diff(2, dim=2),
        "trapezoid": lambda x: torch.trapezoid(x, dim=3),
        "cumulative trapezoid": lambda x: torch.cumulative_trapezoid(x, dim=3),
        "gradient": lambda x: torch.gradient(x, dim=3)[0],
        "histogram-like": lambda x: (x[..., None] > torch.tensor([-0.5, 0.5], device=x.device)).sum(
            -1
        ),
        "renorm": lambda x: x.renorm(2, 1, 0.5),
        "softmax": lambda x: torch.softmax(x, 2),
        "log softmax": lambda x: x.log_softmax(3),
        "standardise": lambda x: (x - x.mean(3, keepdim=True)) / x.std(3, keepdim=True),
        "unravel": lambda x: torch.stack(torch.unravel_index(x.flatten(1).argmax(1), (8, 5)), 1),
    }


def _pointwise() -> dict[str, Callable[..., Any]]:
    plain = (
        *("abs", "neg", "exp", "expm1", "sin", "cos", "tan", "tanh", "sinh", "cosh", "atan"),
        *("asinh", "sign", "sgn", "square", "reciprocal", "sigmoid", "erf", "erfc", "relu"),
        *("floor", "ceil", "round", "trunc", "frac", "positive", "deg2rad", "exp2", "sinc"),
        *("signbit", "angle", "i0", "lgamma"),
        *("digamma", "nan_to_num"),
    )
    functions: dict[str, Callable[..., Any]] = {
        name: lambda x, n=name: getattr(torch, n)(x) for name in plain if hasattr(torch, name)
    }
    return functions | {
        "rooted": lambda x: (
            x.abs().sqrt() + x.abs().log1p() + (x.abs() + 1).log2() + x.abs().rsqrt()
        ),
        "predicates": lambda x: torch.isnan(x.log()) | torch.isfinite(x.exp()).logical_not(),
        "logit": lambda x: x.sigmoid().logit(),
        "clamp": lambda x: x.clamp(-1, 1),
        "clamp by": lambda x: x.clamp(min=x.flip(3)),
        "powers": lambda x: x.pow(3) + 2**x + x**2,
        "arithmetic": lambda x: (1 - x) / 3 + x // 0.7 + x % 0.9 - x.fmod(0.4),
        "maximum": lambda x: torch.maximum(x, x.flip(2)) + torch.fmin(x, x.roll(1, 3)),
        "bucketize": lambda x: torch.bucketize(
            x, torch.tensor([-1.0, 0.0, 1.0], dtype=x.dtype, device=x.device)
        ),
        "atan2": lambda x: torch.atan2(x, x.flip(3)),
        "hypot": lambda x: torch.hypot(x, x.flip(3)),
        "xlogy": lambda x: torch.xlogy(x, x.flip(3).exp()),
        "copysign": lambda x: torch.copysign(x, x.flip(3)),
        "logaddexp": lambda x: torch.logaddexp(x, x.flip(3)),
        "polynomial": lambda x: torch.polygamma(1, x.abs() + 1) + torch.special.entr(x.abs()),
        "addcdiv": lambda x: torch.addcdiv(x, x.flip(2), x.flip(3), value=2),
        "lerp": lambda x: torch.lerp(x, x.flip(3), 0.3),
        "integers": lambda x: (x * 10).long() << 2 ^ 5,
        "half": lambda x: x.bfloat16().float(),
        "complex product": lambda x: torch.view_as_real(torch.complex(x, x.flip(3)) * (1 + 2j)),
        "complex parts": lambda x: (
            torch.polar(x.abs(), x.flip(3)).imag + torch.complex(x, x).conj().real
        ),
        "complex size": lambda x: torch.complex(x, x.flip(2)).abs(),
        "bernoulli": lambda x: x + torch.bernoulli(torch.full_like(x, 0.5)),
        "noise": lambda x: x + torch.randn_like(x) + torch.rand(3, device=x.device, dtype=x.dtype),
        "python number": lambda x: x * x.shape[2] + x.new_tensor(3.0),
        "vmap": lambda x: torch.vmap(lambda row: row * row.sum())(x[0]),
    }


def _seldom() -> dict[str, Callable[..., Any]]:
    """What shows a change in few draws only."""
    return {
        "where value": lambda x: torch.where(x > 0, x.flip(3), 0.0),
        "any": lambda x: (x > 0.9).any(2),
        "all": lambda x: (x > -0.9).all(2),
        "comparisons": lambda x: (x > 0.1) ^ (x.flip(3) <= 0.3),
        "isclose": lambda x: torch.isclose(x, x.flip(3), atol=1.0),
        "heaviside": lambda x: torch.heaviside(x.relu(), x.flip(3)),
        "median": lambda x: x.median(3),
    }


def _masked() -> dict[str, Callable[..., Any]]:
    """Attention of each row to those before it, and one more: so that all have a choice."""

    def later(x: Tensor) -> Tensor:
        return torch.ones(4, 4, dtype=torch.bool, device=x.device).triu(2)

    def scores(x: Tensor) -> Tensor:
        return x @ x.mT / 2

    def by_hand(x: Tensor) -> Tensor:
        weights = scores(x) + torch.full((4, 4), -math.inf, device=x.device).triu(2)
        weights = (weights - weights.amax(-1, keepdim=True)).exp()
        return weights / weights.sum(-1, keepdim=True) @ x.roll(1, 1)

    def least(x: Tensor) -> Tensor:
        weights = torch.where(later(x), torch.finfo(x.dtype).min, scores(x)).softmax(-1)
        return torch.einsum("bcij,bcjk->bcik", F.dropout(weights, 0.5, False), x)

    return {
        "masked fill": lambda x: scores(x).masked_fill(later(x), -math.inf).softmax(-1) @ x,
        "masked by hand": by_hand,
        "masked by least": least,
        "masked by a triangle": lambda x: (scores(x) + 1).tril(1) @ x,
        "masked columns": lambda x: x.mT @ scores(x).masked_fill(later(x), 0.0).mT,
    }


def _drawn() -> dict[str, Callable[..., Any]]:
    """Random values whose distribution the input decides."""
    return {
        "normal": lambda x: torch.normal(x, 1.0),
        "normal in place": written(lambda y: y[:, :, 1].normal_()),
        "bernoulli of a number": lambda x: torch.bernoulli(x, 0.5),
        "random places": lambda x: torch.rand_like(x) + x.flip(3),
        "rrelu": lambda x: torch.rrelu(x.abs(), training=True),
    }


def _choosing() -> dict[str, Callable[..., Any]]:
    """Which positions are read is the input's to say: a bound."""
    return {
        "quantile": lambda x: x.quantile(0.3, 3),
        "gather by argmax": lambda x: x.gather(3, x.argmax(3, keepdim=True)),
        "index by topk": lambda x: x[:, :, x[0, 0].sum(1).topk(2).indices],
        "select by sort": lambda x: x.index_select(2, x[0, 0].sum(1).argsort()),
        "write by argmax": lambda x: torch.zeros_like(x).scatter_(
            3, x.argmax(3, keepdim=True), 1.0
        ),
        "random permutation": lambda x: x[:, :, torch.randperm(4, device=x.device)],
    }


CASES: list[tuple[str, Case]] = [
    *(
        (name, call(function, FIELD))
        for functions in (
            _moving(),
            _joining(),
            _writing(),
            _reducing(),
            products(),
            spectra(),
            matrices(),
        )
        for name, function in functions.items()
    ),
    *((name, call(function, FIELD)) for name, function in _masked().items()),
    *((name, call(function, (1, 3, 4))) for name, function in whole_layers().items()),
    ("solution", call(lambda x: torch.linalg.solve(x[..., :4], x), FIELD, status="bound")),
    ("lost mask", call(lambda x: (x @ x.mT).tril(1).flip(-1) @ x, FIELD, status="bound")),
    *((name, call(function, SMALL)) for name, function in (_pointwise() | _drawn()).items()),
    ("multinomial", call(lambda x: torch.multinomial(x, 3, True), positive(2, 4), trials=12)),
    ("bernoulli", call(torch.bernoulli, positive(1, 2, 3, 3), trials=12)),
    *((name, call(function, (1, 2, 3, 4), trials=9)) for name, function in _seldom().items()),
    *((name, call(function, FIELD, status="bound")) for name, function in _choosing().items()),
    ("add two", call(lambda x, y: x + y, FIELD, (1, 2, 1, 5))),
    ("where two", call(torch.where, truth(1, 2, 4, 5), FIELD, FIELD, trials=9)),
    (
        "masked fill by input",
        call(lambda x, m: x.masked_fill(m, 0.5), FIELD, truth(4, 5), trials=12),
    ),
    ("index by input", call(lambda x, i: x[:, :, i], FIELD, whole(4, 3), status="bound")),
    ("table by input", call(lambda i: made(6, 3).to(i.device)[i], whole(6, 2, 4))),
    ("count", call(lambda i: i.bincount(minlength=4), whole(4, 5))),
]
"""What is done, and the case."""
