"""What the forward of one batch takes in each form of a network, and that all give the same.

Everything runs in one process, in turns, as CPU time of its one thread, with the garbage collector
off. A figure is the median over the rounds; ratios are what counts. ``served`` is all that the
server does with a batch of pictures, in the form that it chooses.

    python -m benchmarks.forms
    python -m benchmarks.forms --aotinductor --json
"""

from __future__ import annotations

import argparse
import copy
import gc
import importlib.metadata
import json
import math
import os
import platform
import statistics
import sys
import time
import warnings
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass

import numpy as np
import torch
from rich.console import Console
from rich.table import Table
from torch import nn
from torch.fx.experimental import optimization

from server.engine.forms import Batch, Form, Values, largest_difference, limit_for
from server.engine.forms.export import export_onnx
from server.engine.forms.onnx_runtime import OnnxRuntime
from server.engine.forms.trial import Trial
from server.services.catalog import Model, load_catalog
from server.services.forms.inputs import trial_inputs
from server.services.preparation import DOODLES
from server.services.served_models import open_served
from server.settings import ServedModel

SIZES = (1, 8, 32, 64)
RIGHT = "eager, channels last"
SERVED = "served"
FEW, REPEATS = 8, 5
"""Batches of up to so many images run so many times in a turn: the clock is coarse."""

WORST = 1.05
"""The form that the server chooses may take so many times the fastest exact one's time, in the
geometric mean over the sizes; what is not offered at start, as AOTInductor, does not count."""

SLOWEST = 1.10
"""``served`` may take so many times what the chosen form alone takes."""


@dataclass(frozen=True)
class Row:
    """One form of one network."""

    network: str
    form: str
    milliseconds: Mapping[int, float]
    """Medians of CPU time, by images in the batch."""
    difference: float
    """Largest difference of a logit from eager PyTorch."""
    is_exact: bool

    def share(self, other: Row) -> float:
        """Its time as a share of another's: the geometric mean over the sizes."""
        logs = [math.log(self.milliseconds[size] / other.milliseconds[size]) for size in SIZES]
        return math.exp(statistics.fmean(logs))


def main() -> None:
    """Measure, and print a table or JSON; exits with 1 when a limit is not kept."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=15, help="turns of each (default: 15)")
    parser.add_argument(
        "--aotinductor", action="store_true", help="compile by it too: a minute, and a C++ compiler"
    )
    parser.add_argument("--json", action="store_true", help="print JSON")
    options = parser.parse_args()
    torch.set_num_threads(1)
    rows: list[Row] = []
    chosen: dict[str, str] = {}
    for model in networks():
        form = OnnxRuntime(export_onnx(model.module, DOODLES.shape), 1)
        choice = choose(model, form)
        chosen[model.name] = choice
        rows += measured(model, form, options.rounds, options.aotinductor)
    missed = [fault for name in chosen for fault in problems(rows, name, chosen[name])]
    if options.json:
        print(
            json.dumps({"rows": [asdict(row) for row in rows], "chosen": chosen, **environment()})
        )
    else:
        show(rows, chosen, missed)
    sys.exit(1 if missed else 0)


def networks() -> list[Model]:
    """The classifier, and the small network that all servers are compared with."""
    cpu = torch.device("cpu")
    name = "doodle-classifier"
    classifier = load_catalog(name, cpu, max(SIZES), names=[name]).default
    common = ServedModel(
        model="benchmarks.common_network:common", name="common", input=("1x28x28",)
    )
    return [classifier, open_served(common, (), cpu, max(SIZES))]


def choose(model: Model, form: Form) -> str:
    """Let the model answer as the server would: by a trial."""
    forms: dict[str, Callable[[Batch], Values]] = {
        "eager": model.logits_in_eager,
        form.name: lambda batch: model.logits_by(form, batch),
    }
    trial = Trial(forms, trial_inputs(DOODLES, max(SIZES)), time.thread_time)  # type: ignore[arg-type]
    for turn in trial.turns():
        turn()
    choice = trial.choice()
    model.answer_with(form if choice.form == form.name else None, choice)
    return RIGHT if choice.form == "eager" else NAMES[choice.form]


NAMES = {"onnxruntime": "ONNX Runtime"}


def measured(model: Model, form: Form, rounds: int, aotinductor: bool) -> list[Row]:
    """All forms of one network."""
    batch = trial_inputs(DOODLES, max(SIZES))[0]
    forms = forms_of(model, form, aotinductor)
    eager = forms[RIGHT](batch)
    differences = {name: largest_difference(run(batch), eager) for name, run in forms.items()}
    seconds: dict[str, dict[int, list[float]]] = {
        name: {size: [] for size in SIZES} for name in forms
    }
    for turn in range(rounds + 1):
        for size in SIZES:
            for name, run in forms.items():
                taken = timed(lambda: run(batch[:size]), REPEATS if size <= FEW else 1)  # noqa: B023
                if turn:  # the first warms up
                    seconds[name][size].append(taken)
    return [
        Row(
            network=model.name,
            form=name,
            milliseconds={size: 1e3 * statistics.median(seconds[name][size]) for size in SIZES},
            difference=differences[name],
            is_exact=differences[name] <= limit_for(eager),
        )
        for name in forms
    ]


def forms_of(model: Model, form: Form, aotinductor: bool) -> dict[str, Callable[[Batch], Values]]:
    """What runs a batch (N, 1, 28, 28), by its name."""
    plain = copy.deepcopy(model.module).to(memory_format=torch.contiguous_format)  # type: ignore[call-overload]
    example = torch.zeros(2, *DOODLES.shape).contiguous(memory_format=torch.channels_last)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        folded = optimization.fuse(plain).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        frozen = torch.jit.freeze(torch.jit.trace(model.module, example))  # type: ignore[no-untyped-call]
        optimised = torch.jit.optimize_for_inference(torch.jit.trace(plain, example))  # type: ignore[no-untyped-call]
    forms: dict[str, Callable[[Batch], Values]] = {
        "eager": in_torch(plain, channels_last=False),
        RIGHT: in_torch(model.module),
        "batch normalisation folded": in_torch(folded),
        "torch.jit.freeze": in_torch(frozen),
        "torch.jit.optimize_for_inference": in_torch(optimised),
        NAMES["onnxruntime"]: form,
    }
    if aotinductor:
        forms["AOTInductor"] = in_torch(compiled(model.module, example))
    # The pictures that the values were made of.
    pictures: dict[int, np.ndarray] = {}

    def served(batch: Batch) -> Values:
        size = len(batch)
        if size not in pictures:
            pictures[size] = np.rint(batch[:, 0] * 255).astype(np.uint8)
        return model.logits([pictures[size]])[0]

    forms[SERVED] = served
    return forms


def in_torch(
    module: Callable[[torch.Tensor], torch.Tensor], *, channels_last: bool = True
) -> Callable[[Batch], Values]:
    """A module of PyTorch as a form."""

    def run(batch: Batch) -> Values:
        with torch.inference_mode():
            tensor = torch.from_numpy(batch)
            if channels_last:
                tensor = tensor.contiguous(memory_format=torch.channels_last)
            values: Values = module(tensor).numpy()
        return values

    return run


def compiled(module: nn.Module, example: torch.Tensor) -> Callable[[torch.Tensor], torch.Tensor]:
    """A module compiled ahead of time, for batches of any size; says how long that took."""
    begun = time.perf_counter()
    batch = torch.export.Dim("batch", min=1, max=1024)
    program = torch.export.export(module, (example,), dynamic_shapes=({0: batch},))
    package = torch._inductor.aoti_compile_and_package(program, inductor_configs={"freezing": True})
    loaded: Callable[[torch.Tensor], torch.Tensor] = torch._inductor.aoti_load_package(package)
    print(f"AOTInductor compiled for {time.perf_counter() - begun:.0f} s", file=sys.stderr)
    return loaded


def timed(run: Callable[[], object], repeats: int) -> float:
    """Seconds of CPU time of this thread for one run."""
    gc.collect()
    gc.disable()
    try:
        begun = time.thread_time()
        for _ in range(repeats):
            run()
        return (time.thread_time() - begun) / repeats
    finally:
        gc.enable()


def problems(rows: list[Row], network: str, chosen: str) -> list[str]:
    """The limits that are not kept for a network."""
    forms = {row.form: row for row in rows if row.network == network}
    offered = [row for name, row in forms.items() if row.is_exact and name not in NOT_OFFERED]
    best = min(offered, key=lambda row: row.share(forms[RIGHT]))
    faults = []
    if not forms[chosen].is_exact:
        faults.append(f"{network}: {chosen} is off by {forms[chosen].difference:.1e}")
    if forms[chosen].share(best) > WORST:
        faults.append(f"{network}: {chosen} was chosen, and {best.form} is faster")
    if forms[SERVED].share(forms[chosen]) > SLOWEST:
        faults.append(f"{network}: served takes more than {SLOWEST:g} times {chosen}")
    return faults


NOT_OFFERED = {SERVED, "AOTInductor"}


def show(rows: list[Row], chosen: Mapping[str, str], missed: list[str]) -> None:
    """Print the table, and what is not kept."""
    table = Table(title="Milliseconds of CPU time for a batch, medians; ratio to ONNX Runtime")
    for heading in ("network", "form", *map(str, SIZES), "images/s", "of eager", "difference"):
        table.add_column(heading, justify="left" if heading in ("network", "form") else "right")
    for row in rows:
        forms = {each.form: each for each in rows if each.network == row.network}
        runtime = forms[NAMES["onnxruntime"]]
        table.add_row(
            row.network,
            row.form + (" (chosen)" if row.form == chosen[row.network] else ""),
            *(
                f"{row.milliseconds[size]:.3g} "
                f"({row.milliseconds[size] / runtime.milliseconds[size]:.2f})"
                for size in SIZES
            ),
            f"{max(SIZES) / row.milliseconds[max(SIZES)] * 1e3:,.0f}",
            f"{row.share(forms[RIGHT]):.2f}",
            f"{row.difference:.1e}" + ("" if row.is_exact else ": wrong"),
        )
    console = Console(width=160)
    console.print(table)
    console.print(" | ".join(f"{name} {value}" for name, value in environment().items()))
    console.print("\n".join(missed) or "All limits are kept.")


def environment() -> dict[str, str]:
    """What the figures depend on."""
    return {
        "python": platform.python_version(),
        "torch": torch.__version__,
        "onnxruntime": importlib.metadata.version("onnxruntime"),
        "load": f"{os.getloadavg()[0]:.1f}",
    }


if __name__ == "__main__":
    main()
