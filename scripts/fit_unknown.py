"""Measure when networks do not know: `python -m scripts.fit_unknown FOLDER [--only vgg resnet]`.

FOLDER holds the Quick, Draw! training files. The rule of each network with weights in
models/weights/ is fitted anew on them and written beside its weights, as `doodlescope train` does
at the end of a run; the networks themselves stay as they are.
"""

import argparse
import sys
from pathlib import Path

from models import load_model, model_names
from models.registry import WEIGHTS
from server.commands.failure import CommandFailed
from server.commands.train import read_training_data
from server.commands.unknown import measure_unknown


def main(arguments: list[str] | None = None) -> int:
    """Measure them; return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("data", type=Path, help="folder of the training files")
    parser.add_argument("--only", nargs="+", default=model_names(), metavar="NAME")
    chosen = parser.parse_args(arguments)
    try:
        data = read_training_data(chosen.data, seed=0)
    except CommandFailed as error:
        print(f"fit_unknown: {error}", file=sys.stderr)
        return 1
    for name in chosen.only:
        model = load_model(name)
        measure_unknown(model.module, WEIGHTS / f"{name}.safetensors", model.version, data, seed=0)
    return 0


if __name__ == "__main__":
    sys.exit(main())
