"""The command line: ``doodlescope serve | train | download | shard | evaluate | predict | ...``.

What takes long to import (torch, the application) is imported by the command that needs it, so
that ``--help`` answers at once.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from server import __version__
from server.commands.ordered_command import OrderedCommand, order_of

app = typer.Typer(
    name="doodlescope",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Draw a doodle, see a CNN recognise it, and look inside every layer.",
)

_OF_MODELS = "Your own models (each option belongs to the --model before it)"

Device = Annotated[str, typer.Option(help="auto, cpu or cuda; auto takes CUDA where it is.")]
Model = Annotated[str, typer.Option(help="Name of a shipped model.")]
Weights = Annotated[
    Path | None,
    typer.Option(help="A .safetensors file to use in place of the shipped weights."),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object and nothing else.")]


@app.callback(invoke_without_command=True)
def version(
    show_version: Annotated[
        bool, typer.Option("--version", help="Print the version and exit.", is_eager=True)
    ] = False,
) -> None:
    """Draw a doodle, see a CNN recognise it, and look inside every layer."""
    if show_version:
        typer.echo(f"doodlescope {__version__}")
        raise typer.Exit


@app.command(cls=OrderedCommand)
def serve(
    ctx: typer.Context,
    host: Annotated[str | None, typer.Option(help="Address to listen on.")] = None,
    port: Annotated[
        int | None, typer.Option(min=0, max=65535, help="Port; 0 takes a free one.")
    ] = None,
    device: Annotated[
        str | None, typer.Option(help="auto, cpu or cuda; auto takes CUDA where it is.")
    ] = None,
    model: Annotated[
        list[str] | None,
        typer.Option(
            metavar="MODEL",
            help="A model of your own beside the shipped ones; give it again for each. It is "
            "package.module:factory (imported from the current directory), timm:NAME, "
            "torchvision:NAME, or a network of ours.",
            rich_help_panel=_OF_MODELS,
        ),
    ] = None,
    name: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME",
            help="Its name in addresses. Default: made of MODEL.",
            rich_help_panel=_OF_MODELS,
        ),
    ] = None,
    weights: Annotated[
        list[Path] | None,
        typer.Option(
            metavar="FILE.safetensors",
            help="Its weights. Default: those that the factory gives it; of timm and torchvision "
            "first weights, since nothing is downloaded.",
            rich_help_panel=_OF_MODELS,
        ),
    ] = None,
    inputs: Annotated[
        list[str] | None,
        typer.Option(
            "--input",
            metavar="[NAME=]SIZES[:DTYPE]",
            help="What it takes, such as 3x224x224; once for each input. Default: the model's own, "
            "or guessed from its first layers.",
            rich_help_panel=_OF_MODELS,
        ),
    ] = None,
    labels: Annotated[
        list[Path] | None,
        typer.Option(
            metavar="FILE.txt",
            help="The names of its logits, one in each line. Default: the library's, or class 0, "
            "class 1, ...",
            rich_help_panel=_OF_MODELS,
        ),
    ] = None,
    normalise: Annotated[
        list[str] | None,
        typer.Option(
            metavar="MEAN,STD",
            help="Of pixels in 0..1, such as 0.5,0.25 for all channels, or the means of each and "
            "then the deviations of each. Default: the library's, or none.",
            rich_help_panel=_OF_MODELS,
        ),
    ] = None,
) -> None:
    """Serve the pages and the REST API until interrupted.

    What is not given here comes from the settings (DOODLESCOPE_HOST, _PORT, _DEVICE, _MODELS): by
    default 127.0.0.1, 8000, auto and no models but the shipped ones. Options of a model belong to
    the --model before them:

    doodlescope serve --model nets:digits --weights digits.safetensors --model timm:resnet18
    """
    from server.commands.model_options import served_models
    from server.commands.serve import serve as run

    given = {
        "model": model,
        "name": name,
        "weights": weights,
        "inputs": inputs,
        "labels": labels,
        "normalise": normalise,
    }
    models = served_models(order_of(ctx), {key: value or () for key, value in given.items()})
    run(host, port, device, models)


@app.command()
def train(
    data: Annotated[
        Path,
        typer.Option(
            help="Folder of the project's training files, of shards (see shard), or of what "
            "download got, of which shards are made first."
        ),
    ],
    model: Annotated[
        str, typer.Option(help="Name of a network in models/, such as lenet-5.")
    ] = "doodle-classifier",
    output: Annotated[
        Path | None,
        typer.Option(
            help="Where the weights go, with the card beside them. Default: runs/MODEL.safetensors."
        ),
    ] = None,
    checkpoint: Annotated[
        Path | None,
        typer.Option(help="The run's checkpoint; a run goes on from it. Default: beside output."),
    ] = None,
    steps: Annotated[
        int | None, typer.Option(min=1, help="Steps of the optimiser. Default: the model's own.")
    ] = None,
    batch_size: Annotated[
        int | None, typer.Option(min=2, help="Drawings a step. Default: the model's own.")
    ] = None,
    learning_rate: Annotated[
        float | None,
        typer.Option(min=0.0, help="The largest of the run. Default: the model's own."),
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Decides split, batches and first weights.")] = 0,
    apart: Annotated[
        int,
        typer.Option(
            min=0,
            help="Another number has other first weights and batches, but holds the same drawings "
            "out: for networks that teach together.",
        ),
    ] = 0,
    leave_out: Annotated[
        int,
        typer.Option(
            min=0,
            max=343,
            help="So many categories, drawn by the seed, are not learned from: their drawings show "
            "how well the network tells what it does not know (see evaluate --report).",
        ),
    ] = 0,
    start: Annotated[
        str,
        typer.Option(
            metavar="NAME|FILE",
            help="Begin with these weights: a shipped network's, or a file's with its card beside.",
        ),
    ] = "",
    teacher: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME|FILE[=FACTOR]",
            help="Learn from this network too: its log-probabilities, times the factor (1), are "
            "added to those of the others. Again for each.",
        ),
    ] = None,
    taught: Annotated[
        float, typer.Option(min=0.0, max=1.0, help="The teachers' share of the loss.")
    ] = 0.7,
    device: Device = "auto",
    restart: Annotated[bool, typer.Option(help="Begin anew, whatever the checkpoint.")] = False,
    checkpoint_every: Annotated[int, typer.Option(min=1, help="Steps between checkpoints.")] = 500,
    precision: Annotated[
        str,
        typer.Option(
            help="auto, float32, bfloat16 or float16; auto takes what is fast on the device."
        ),
    ] = "auto",
) -> None:
    """Train a network; interrupt it at will, the same command goes on.

    Several GPUs, or processes, share shards:

    torchrun --nproc-per-node 4 --no-python doodlescope train --data SHARDS
    """
    from server.commands.train import configuration_for
    from server.commands.train import train as run

    configuration = configuration_for(
        model,
        steps=steps,
        batch_size=batch_size,
        learning_rate=learning_rate,
        seed=seed,
        apart=apart,
        leave_out=leave_out,
        start=start,
        teachers=tuple(teacher or ()),
        taught=taught,
    )
    target = output or Path("runs") / f"{model}.safetensors"
    run(
        data,
        target,
        checkpoint or target.with_suffix(".pt"),
        configuration,
        device,
        restart,
        checkpoint_every,
        precision,
    )


@app.command()
def download(
    categories: Annotated[
        list[str] | None, typer.Argument(help="Categories, such as cat 'hot air balloon'.")
    ] = None,
    form: Annotated[
        list[str] | None,
        typer.Option(
            help="raw or simplified (strokes, ndjson), binary (simplified strokes) or numpy_bitmap "
            "(28x28); again for each. Default: simplified."
        ),
    ] = None,
    every: Annotated[bool, typer.Option("--all", help="All 345 categories.")] = False,
    to: Annotated[Path, typer.Option(help="Folder for the files, as FORM/CATEGORY.")] = Path(
        "quickdraw"
    ),
    source: Annotated[
        str | None, typer.Option(help="Address of the data set. Default: Google's.")
    ] = None,
    connections: Annotated[int, typer.Option(min=1, max=16, help="Files at once.")] = 4,
    sizes: Annotated[bool, typer.Option("--sizes", help="Only say how much it is.")] = False,
) -> None:
    """Get the full Quick, Draw! data set, or some of it; interrupt it at will."""
    from server.commands.download import download as run
    from server.doodle.published import SOURCE

    forms = form or ["simplified"]
    run(categories or (), forms, every, to, source or SOURCE, connections, sizes)


@app.command()
def shard(
    folder: Annotated[Path, typer.Argument(help="Folder of what download got, in any form.")],
    to: Annotated[
        Path | None, typer.Option(help="Folder for the shards. Default: shards, in FOLDER.")
    ] = None,
    parts: Annotated[
        int,
        typer.Option(
            min=1,
            max=1024,
            help="So many processes, or divisors of it, can share the shards; batches are "
            "multiples of it.",
        ),
    ] = 16,
    drawings: Annotated[
        int, typer.Option(min=1, help="A shard has at most so many drawings.")
    ] = 16_384,
    held_out: Annotated[
        int,
        typer.Option(
            min=1,
            help="At most so many drawings of a category, and a tenth, are for validation only.",
        ),
    ] = 50,
    without: Annotated[
        list[Path] | None,
        typer.Option(
            help="A file of drawings that shall not be learned from, such as test.ndjson.gz; again "
            "for each."
        ),
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Decides split and order.")] = 0,
    memory: Annotated[
        int, typer.Option(min=8, help="MiB that drawings may take while they are shuffled.")
    ] = 256,
    restart: Annotated[bool, typer.Option(help="Begin anew, whatever is there.")] = False,
) -> None:
    """Shuffle published files into shards, which train reads; interrupt it at will."""
    from server.commands.shard import shard as run
    from server.training.sharding import Plan

    plan = Plan(seed, parts, drawings, held_out, memory * 2**20)
    run(folder, to or folder / "shards", plan, without or (), restart)


@app.command()
def evaluate(
    file: Annotated[Path, typer.Argument(help="Drawings: .ndjson or .ndjson.gz.")],
    model: Model = "doodle-classifier",
    weights: Weights = None,
    device: Device = "auto",
    as_json: AsJson = False,
    record: Annotated[
        bool, typer.Option(help="Write the figures into the model card beside the weights.")
    ] = False,
    report: Annotated[
        Path | None,
        typer.Option(
            help="Write a report as HTML: calibration, early guesses, other hands and pens, "
            "scribbles, and the mistakes with their drawings. Takes some minutes."
        ),
    ] = None,
    left_out: Annotated[
        Path | None,
        typer.Option(
            help="Of a network from train --leave-out: write how well it tells drawings of the "
            "categories that it never saw from the others, as JSON."
        ),
    ] = None,
) -> None:
    """Measure top-1, top-3 and MAP@3 on a file of drawings, in all and per category."""
    from server.commands.evaluate import evaluate as run

    run(file, model, weights, device, as_json, record, report, left_out)


@app.command()
def predict(
    file: Annotated[Path, typer.Argument(help="A picture, or drawings as .ndjson(.gz).")],
    model: Model = "doodle-classifier",
    weights: Weights = None,
    top_k: Annotated[int, typer.Option(min=1, max=345, help="Guesses for each drawing.")] = 5,
    device: Device = "auto",
    as_json: AsJson = False,
) -> None:
    """Say what a drawing shows."""
    from server.commands.predict import predict as run

    run(file, model, weights, top_k, device, as_json)


@app.command()
def describe(
    model: Annotated[
        str,
        typer.Argument(
            help="A shipped model, package.module:factory, timm:NAME or torchvision:NAME."
        ),
    ],
    inputs: Annotated[
        list[str] | None,
        typer.Option(
            "--input",
            metavar="[NAME=]SIZES[:DTYPE]",
            help="3x224x224 (one item; a batch of one is put in front), 1,3,224,224 (the whole "
            "shape), tokens=16:int64; once for each input. Default: the model's own.",
        ),
    ] = None,
    depth: Annotated[
        int | None, typer.Option(min=1, help="Fold modules that are nested so deep into one row.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Print what a model does, operation by operation: shapes, costs, receptive fields."""
    from server.commands.describe import describe as run

    run(model, inputs or (), depth, as_json)


def main() -> None:
    """Run the command line; a failure is one line on standard error and exit status 1."""
    from server.commands.failure import CommandFailed

    try:
        app()
    except CommandFailed as error:
        typer.echo(f"doodlescope: {error}", err=True)
        sys.exit(1)
