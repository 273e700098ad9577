"""Products, decompositions and spectra of tensors, as receptive fields see them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from tests.support.operators import as_type, made

UNTYPED: Any = torch
"""Some functions of PyTorch have no types."""


def products() -> dict[str, Callable[..., Any]]:
    return {
        "matmul": lambda x: x @ x.mT,
        "matmul constant": lambda x: x @ as_type(made(5, 2), x),
        "matmul vector": lambda x: x @ as_type(made(5), x),
        "matmul left": lambda x: as_type(made(3, 4), x) @ x,
        "vector matmul": lambda x: as_type(made(4), x) @ x,
        "mm": lambda x: torch.mm(x[0, 0], x[0, 1].T),
        "bmm": lambda x: torch.bmm(x[0], x[0].mT),
        "baddbmm": lambda x: torch.baddbmm(x[0, :, :, :4], x[0], x[0].mT),
        "addmm": lambda x: torch.addmm(x[0, 0, :, :4], x[0, 0], x[0, 1].T),
        "addbmm": lambda x: torch.addbmm(x[0, 0, :, :4], x[0], x[0].mT),
        "addmv": lambda x: torch.addmv(x[0, 0, :, 0], x[0, 0], x[0, 1, 0])[None],
        "addr": lambda x: torch.addr(x[0, 0], x[0, 0, :, 0], x[0, 1, 0]),
        "mv": lambda x: torch.mv(x[0, 0], x[0, 1, 0])[None],
        "dot": lambda x: torch.dot(x[0, 0, 0], x[0, 1, 1])[None],
        "vdot": lambda x: torch.vdot(x[0, 0, 0], x[0, 1, 1])[None],
        "inner": lambda x: torch.inner(x, x[0, 0]),
        "outer": lambda x: torch.outer(x[0, 0, 0], x[0, 1, 1]),
        "kron": lambda x: torch.kron(x[0, 0, :2, :2], x[0, 1, :2, :2]),
        "einsum": lambda x: torch.einsum("bchw,bdhw->bcd", x, x),
        "einsum attention": lambda x: torch.einsum("bcij,bckj->bcik", x, x).softmax(-1) @ x,
        "einsum constant": lambda x: torch.einsum("bchw,wd->bchd", x, as_type(made(5, 2), x)),
        "tensordot": lambda x: torch.tensordot(x, as_type(made(2, 3), x), dims=([1], [0])),
        "chain": lambda x: torch.linalg.multi_dot([x[0, 0], x[0, 1].T, x[0, 0]]),
        "matrix power": lambda x: torch.linalg.matrix_power(x[0, :, :4, :4], 2),
        "cross": lambda x: torch.linalg.cross(x[..., :3], x[..., 2:]),
        "cdist": lambda x: torch.cdist(x[0], x[0].roll(1, 2)),
        "cdist one": lambda x: torch.cdist(x[0], as_type(made(2, 3, 5), x), p=1.0),
        "cosine": lambda x: F.cosine_similarity(x, x.flip(2), dim=3),
        "bilinear": lambda x: torch.nn.functional.bilinear(x, x, as_type(made(2, 5, 5), x)),
        "conv as unfold": lambda x: (
            F.unfold(x, 2, padding=1).transpose(1, 2) @ as_type(made(8, 3), x)
        ).transpose(1, 2),
    }


def matrices() -> dict[str, Callable[..., Any]]:
    """Of each square matrix of the batch."""

    def square(x: Tensor) -> Tensor:
        return x[..., :4]

    def symmetric(x: Tensor) -> Tensor:
        return square(x) @ square(x).mT

    return {
        "inverse": lambda x: torch.linalg.inv(square(x)),
        "determinant": lambda x: torch.linalg.det(square(x)),
        "logarithm of determinant": lambda x: torch.linalg.slogdet(square(x))[1],
        "exponential": lambda x: torch.linalg.matrix_exp(square(x) / 4),
        "singular values": lambda x: torch.linalg.svdvals(x),
        "eigenvalues": lambda x: torch.linalg.eigvalsh(symmetric(x)),
        "cholesky": lambda x: torch.linalg.cholesky(symmetric(x)).sum((2, 3)),
        "pseudoinverse": lambda x: torch.linalg.pinv(x),
        "distance": lambda x: torch.dist(x[0, 0], x[0, 1])[None],
    }


def whole_layers() -> dict[str, Callable[..., Any]]:
    """Layers that PyTorch runs as one operator where nobody looks."""
    given = (made(12, 4), made(12), made(4, 4), made(4))

    def heads(x: Tensor) -> Any:
        weights = (as_type(value, x) for value in given)
        return UNTYPED._native_multi_head_attention(x, x, x, 4, 2, *weights)

    def layer(x: Tensor) -> Any:
        weights = (as_type(value, x) for value in given)
        norms = (as_type(made(4), x) for _ in range(4))
        linear = (as_type(value, x) for value in (made(6, 4), made(6), made(4, 6), made(4)))
        settings = (True, False, 1e-5)
        return UNTYPED._transformer_encoder_layer_fwd(x, 4, 2, *weights, *settings, *norms, *linear)

    return {"heads in one": heads, "layer in one": layer}


def spectra() -> dict[str, Callable[..., Any]]:
    return {
        "fft": lambda x: torch.fft.fft(x).abs(),
        "fft2": lambda x: torch.fft.fft2(x).abs(),
        "rfft": lambda x: torch.fft.rfft(x, dim=2).abs(),
        "irfft": lambda x: torch.fft.irfft(torch.complex(x, 2 * x), n=5, dim=3),
        "fft padded": lambda x: torch.fft.fft(x, n=3).abs(),
        "fftshift": lambda x: torch.fft.fftshift(x, dim=(2, 3)),
        "fourier filter": lambda x: torch.fft.irfft2(
            torch.fft.rfft2(x) * as_type(made(4, 3), x), s=(4, 5)
        ),
        "stft": lambda x: torch.stft(
            x[0, :, 0],
            4,
            2,
            window=torch.hann_window(4, device=x.device, dtype=x.dtype, periodic=False) + 0.1,
            center=False,
            return_complex=True,
        ).abs(),
        "stft centred": lambda x: torch.stft(
            x.flatten(2)[0],
            8,
            4,
            return_complex=True,
            window=torch.ones(8, device=x.device, dtype=x.dtype),
        ).abs(),
        "istft": lambda x: torch.istft(
            torch.complex(x[0], x[0].flip(1)),
            6,
            3,
            window=torch.ones(6, device=x.device, dtype=x.dtype),
        ),
    }
