"""Train the networks of models/ one after the other: `python -m scripts.train_networks FOLDER`.

    python -m scripts.train_networks ../shared/quickdraw [--only vgg resnet] [--test FILE]

FOLDER holds the Quick, Draw! training files. Each network is trained with its own settings
(models/architectures.py) and written with its card to models/weights/. One that is there already,
trained with the same settings, is left as it is, and an interrupted one goes on from its checkpoint
in runs/: the same command again does what remains. With --test, the figures of each on a file of
test drawings go into its card. The shipped classifier is not among them; `make train` trains it.
"""

import argparse
import json
import sys
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch

from models import ARCHITECTURES
from models.registry import WEIGHTS, weights_version
from server.commands.evaluate import evaluate
from server.commands.failure import CommandFailed
from server.commands.model import open_device
from server.commands.train import configuration_for, read_training_data, train_on
from server.training.card import card_path
from server.training.learning_data import LearningData
from server.training.loop import Configuration

CLASSIFIER = "doodle-classifier"
NETWORKS = [name for name in ARCHITECTURES if name != CLASSIFIER]
ROOT = Path(__file__).resolve().parent.parent


def is_trained(weights: Path, configuration: Configuration) -> bool:
    """Return whether these weights and their card are of a whole run with these settings."""
    if not weights.is_file():
        return False
    card = read_card(weights)
    # A setting that was not there yet had the value that it has by default.
    trained = {**_as_in_json(Configuration()), **card.get("trained", {})}
    wanted = {**_as_in_json(configuration), "steps_done": configuration.steps}
    return card.get("version") == weights_version(weights) and wanted.items() <= trained.items()


def _as_in_json(configuration: Configuration) -> dict[str, Any]:
    settings: dict[str, Any] = json.loads(json.dumps(asdict(configuration)))
    return settings


def read_card(weights: Path) -> dict[str, Any]:
    """Return the card beside weights; nothing where there is none."""
    path = card_path(weights)
    card: dict[str, Any] = {}
    if path.is_file():
        card = json.loads(path.read_text(encoding="utf-8"))
    return card


def train_network(
    name: str,
    data: LearningData,
    configuration: Configuration,
    folder: Path,
    checkpoints: Path,
    device: torch.device,
    restart: bool,
) -> None:
    """Train one network to the end and put weights and card into the folder."""
    weights, checkpoint = folder / f"{name}.safetensors", checkpoints / f"{name}.pt"
    started, busy = time.perf_counter(), time.process_time()
    train_on(data, weights, checkpoint, configuration, device, restart)
    print(
        f"{name}: {time.perf_counter() - started:.0f} seconds, "
        f"{time.process_time() - busy:.0f} of them computing",
        flush=True,
    )


def main(arguments: list[str] | None = None) -> int:
    """Train what is not trained yet; return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("data", type=Path, help="folder of the training files")
    parser.add_argument("--only", nargs="+", default=NETWORKS, metavar="NAME", help="these alone")
    parser.add_argument("--test", type=Path, help="a file of drawings to judge each network on")
    parser.add_argument("--device", default="auto", help="auto, cpu or cuda")
    parser.add_argument("--steps", type=int, help="for each network, in place of its own number")
    parser.add_argument(
        "--restart", action="store_true", help="begin anew what is not done, whatever was begun"
    )
    parser.add_argument("--weights", type=Path, default=WEIGHTS, help="where they are written")
    parser.add_argument("--checkpoints", type=Path, default=ROOT / "runs")
    chosen = parser.parse_args(arguments)
    try:
        runs = {name: configuration_for(name, steps=chosen.steps, seed=0) for name in chosen.only}
        remaining = [
            name
            for name, configuration in runs.items()
            if not is_trained(chosen.weights / f"{name}.safetensors", configuration)
        ]
        print(f"{len(runs) - len(remaining)} of {len(runs)} networks are trained.", flush=True)
        if remaining:
            device = open_device(chosen.device)
            data = read_training_data(chosen.data, seed=0)
            for name in remaining:
                train_network(
                    name,
                    data,
                    runs[name],
                    chosen.weights,
                    chosen.checkpoints,
                    device,
                    chosen.restart,
                )
        for name in runs if chosen.test else ():
            weights = chosen.weights / f"{name}.safetensors"
            if "test" not in read_card(weights).get("accuracy", {}):
                evaluate(chosen.test, name, weights, chosen.device, as_json=False, record=True)
    except CommandFailed as error:
        print(f"train_networks: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
