"""The functions of ``torch.nn.functional`` that sample: interpolation and grids."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from tests.support.operators import Case, as_type, call

LINE, PLANE, SPACE = (1, 4, 9), (1, 4, 6, 5), (1, 4, 3, 4, 3)


def sampling() -> list[tuple[str, Case]]:
    linear = ("linear", "bilinear", "trilinear")
    cases = []
    for shape, mode in zip((LINE, PLANE, SPACE), linear, strict=True):
        for f, name in ((F.interpolate, "interpolate"), (F.upsample, "upsample")):
            cases += [
                (name, call(lambda x, f=f: f(x, scale_factor=1.5), shape)),
                (name, call(lambda x, f=f, m=mode: f(x, scale_factor=2, mode=m), shape)),
                (
                    name,
                    call(lambda x, f=f, m=mode: f(x, size=4, mode=m, align_corners=True), shape),
                ),
            ]
        cases += [
            (
                "interpolate",
                call(lambda x: F.interpolate(x, scale_factor=0.7, mode="nearest-exact"), shape),
            ),
            ("interpolate", call(lambda x: F.interpolate(x, size=2, mode="area"), shape)),
            (
                "interpolate",
                call(
                    lambda x, m=mode: F.interpolate(
                        x, scale_factor=0.7, mode=m, recompute_scale_factor=True
                    ),
                    shape,
                ),
            ),
        ]
    for mode in ("bilinear", "bicubic"):
        cases += [
            (
                "interpolate",
                call(
                    lambda x, m=mode: F.interpolate(x, size=(3, 11), mode=m, antialias=True), PLANE
                ),
            ),
            ("interpolate", call(lambda x, m=mode: F.interpolate(x, size=(3, 8), mode=m), PLANE)),
            (
                "interpolate",
                call(
                    lambda x, m=mode: F.interpolate(
                        x, scale_factor=(0.5, 2), mode=m, align_corners=True
                    ),
                    PLANE,
                ),
            ),
        ]
    theta = torch.tensor([[[0.613, 0.327, 0.211], [-0.319, 0.737, 0.131]]], dtype=torch.float64)
    theta3 = torch.tensor(
        [[[0.613, 0.327, 0.211, 0.1], [-0.319, 0.737, 0.131, 0.2], [0.1, 0.07, 0.917, -0.3]]],
        dtype=torch.float64,
    )
    for mode in ("bilinear", "nearest", "bicubic"):
        for padding in ("zeros", "border", "reflection"):
            for corners in (False, True):

                def sample(x: Tensor, m: str = mode, p: str = padding, c: bool = corners) -> Tensor:
                    grid = F.affine_grid(as_type(theta * 2, x), [1, 4, 3, 4], align_corners=c)
                    return F.grid_sample(x, grid, m, p, c)

                cases += [("grid_sample", call(sample, PLANE))]
                if mode != "bicubic":

                    def volume(
                        x: Tensor, m: str = mode, p: str = padding, c: bool = corners
                    ) -> Tensor:
                        grid = F.affine_grid(
                            as_type(theta3 * 2, x), [1, 4, 2, 3, 2], align_corners=c
                        )
                        return F.grid_sample(x, grid, m, p, c)

                    cases += [("grid_sample", call(volume, SPACE))]
    return [
        *cases,
        (
            "grid_sample",
            call(
                lambda x, g: F.grid_sample(x, g, align_corners=False),
                (1, 2, 3, 4),
                (1, 2, 2, 2),
                status="bound",
            ),
        ),
        (
            "affine_grid",
            call(lambda t: F.affine_grid(t, [2, 1, 2, 4], align_corners=False), (2, 2, 3)),
        ),
        (
            "affine_grid",
            call(lambda t: F.affine_grid(t, [1, 1, 2, 4, 2], align_corners=True), (1, 3, 4)),
        ),
        ("upsample_nearest", call(lambda x: F.upsample_nearest(x, scale_factor=2), PLANE)),
        ("upsample_bilinear", call(lambda x: F.upsample_bilinear(x, scale_factor=2), PLANE)),
    ]
