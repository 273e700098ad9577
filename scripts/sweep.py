"""Describe every architecture of timm and torchvision, and report which fail and why.

    python -m scripts.sweep OUTPUT.jsonl [--only PATTERN] [--seconds LIMIT]

One line a model is added to the output; models that it has already are left out, so that an
interrupted sweep goes on. The first of every module of timm comes first, then the second, ...
Each model is described in a process of its own, which is forked: not for Windows.
"""

import argparse
import fnmatch
import itertools
import json
import os
import signal
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any

import torch

from server.engine.failure import ForwardFailed
from server.services.layer_fields import layer_fields, uncertain
from server.services.sources import ModelUnavailable, open_model, trace_opened
from server.services.sources.libraries import import_library


def names_of_models() -> Iterator[str]:
    """Every model: torchvision's, timm's one of each module in turn, and detectors, which must
    compute."""
    models = import_library("torchvision").models
    detectors = set(models.list_models(module=models.detection))
    for name in models.list_models():
        if name not in detectors:
            yield f"torchvision:{name}"
    timm = import_library("timm")
    modules = [timm.list_models(module=module) for module in timm.list_modules()]
    seen = set()
    for name in itertools.chain.from_iterable(itertools.zip_longest(*modules)):
        if name and name not in seen:
            seen.add(name)
            yield f"timm:{name}"
    for name in sorted(detectors):
        yield f"torchvision:{name}"


def describe(name: str) -> dict[str, Any]:
    """What came of one model."""
    start = time.perf_counter()
    try:
        opened = open_model(name, shapes_only=True)
        built = time.perf_counter()
        traced = trace_opened(opened)
    except (ModelUnavailable, ForwardFailed) as error:
        return {"model": name, "failed": str(error)[:2000]}
    ran = time.perf_counter()
    fields = layer_fields(traced.trace)
    done = time.perf_counter()
    return {
        "model": name,
        "input": [str(form) for form in traced.opened.inputs or ()],
        "nodes": len(traced.trace.nodes),
        "device": str(traced.trace.device),
        "uniform": sum(layer.is_uniform for layer in fields.values()),
        "statuses": dict(
            Counter(layer.middle.status if layer.middle else "?" for layer in fields.values())
        ),
        "uncertain": {operator: [status, node] for operator, status, node in uncertain(fields)},
        "seconds": [round(built - start, 2), round(ran - built, 2), round(done - ran, 2)],
    }


def in_own_process(name: str, seconds: int) -> dict[str, Any]:
    """The same, in a child that ends with its time, however deep in C it is."""
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(read)
        signal.alarm(seconds)
        with os.fdopen(write, "w") as pipe, redirect_stdout(sys.stderr):
            try:
                described = describe(name)
            except BaseException as error:
                described = {"model": name, "failed": f"{type(error).__name__}: {error}"[:2000]}
            pipe.write(json.dumps(described))
        os._exit(0)
    os.close(write)
    with os.fdopen(read) as pipe:
        text = pipe.read()
    _, status = os.waitpid(child, 0)
    if os.WIFSIGNALED(status):
        return {"model": name, "failed": f"ended by signal {os.WTERMSIG(status)} ({seconds} s)"}
    result: dict[str, Any] = json.loads(text)
    return result


def report(results: list[dict[str, Any]]) -> None:
    """Print what failed, and what the fields are not sure about."""
    for library in ("torchvision", "timm"):
        ours = [each for each in results if each["model"].startswith(library)]
        works = sum("failed" not in each for each in ours)
        print(f"{library}: {works} of {len(ours)} models described")
    for each in results:
        if "failed" in each:
            print(f"  {each['model']}: {each['failed']}")
    causes: Counter[str] = Counter()
    for each in results:
        uncertainties = each.get("uncertain", {}).items()
        causes.update(f"{operator} ({status})" for operator, (status, _) in uncertainties)
    for cause, count in causes.most_common():
        print(f"  not exact because of {cause}: in {count} models")


def main() -> int:
    """Sweep and report."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("output", type=Path)
    parser.add_argument("--only", default="*", help="such as 'timm:resnet*'")
    parser.add_argument("--seconds", type=int, default=300, help="limit for one model")
    chosen = parser.parse_args()
    torch.set_num_threads(1)
    results = []
    if chosen.output.is_file():
        results = [json.loads(line) for line in chosen.output.read_text().splitlines()]
    have = {each["model"] for each in results}
    with chosen.output.open("a", encoding="utf-8") as output:
        for name in names_of_models():
            if name not in have and fnmatch.fnmatch(name, chosen.only):
                results.append(in_own_process(name, chosen.seconds))
                output.write(json.dumps(results[-1]) + "\n")
                output.flush()
    report(results)
    return any("failed" in each for each in results)


if __name__ == "__main__":
    sys.exit(main())
