"""Exports in a process of its own: they take seconds, and change PyTorch while they run.

The process opens the same models again, by what they are called on the command line; nothing is
unpickled. It has a lower priority than the server, reads one request from standard input, and
writes what became of each model, a line of JSON, to standard output. It ends when the server does.
"""

from __future__ import annotations

import base64
import importlib
import json
import logging
import os
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import IO, Any

from server.settings import ServedModel

MODULE = "server.services.forms.export_process"

SECONDS = 300.0
"""For one model; then the process is ended. On a busy machine it gets little time."""

NICENESS = 10
"""Added to that of the server."""


@dataclass(frozen=True)
class Wanted:
    """A model to be exported."""

    served: ServedModel
    """How it is opened."""
    shape: tuple[int, int, int]
    """Channels, height and width of one input."""


@dataclass(frozen=True)
class Exported:
    """What became of one."""

    model: bytes = b""
    """In ONNX; empty where it could not be exported."""
    refusal: str = ""
    """Why not: a part of a sentence."""
    is_broken: bool = False
    """Whether that is no property of the model, but something that failed."""


class ExportProcess:
    """Exports models one after the other, as somebody iterates over it; ``stop`` ends it."""

    def __init__(self, wanted: Sequence[Wanted], seconds: float = SECONDS) -> None:
        self._wanted = wanted
        self._seconds = seconds
        self._process: subprocess.Popen[str] | None = None
        self._is_stopped = False
        self._lock = threading.Lock()

    def results(self) -> Iterator[Exported]:
        """What became of each model, in order; waits for each.

        Where one ends the process, another process goes on with the next.
        """
        left = list(self._wanted)
        try:
            while left:
                for exported in self._run(tuple(left)):
                    del left[0]
                    yield exported
        finally:
            self.stop()

    def stop(self) -> None:
        """End the process; may be called from any thread, and again."""
        with self._lock:
            self._is_stopped = True
            process = self._process
        if process is not None:
            _end(process)

    def _run(self, wanted: Sequence[Wanted]) -> Iterator[Exported]:
        """Export in a new process, as long as it lives: at least one."""
        process = self._start()
        if process is None:
            yield Exported(refusal="no other process can be started", is_broken=True)
            return
        assert process.stdin is not None, "it is a pipe"
        assert process.stdout is not None, "it is a pipe"
        with suppress(OSError, ValueError):  # it has ended
            process.stdin.write(_request(wanted) + "\n")
            process.stdin.flush()
        for _ in wanted:
            line = self._line(process, process.stdout)
            if not line.endswith("\n"):
                _end(process)
                refusal = "the process that exports it ended, or took too long"
                yield Exported(refusal=refusal, is_broken=True)
                return
            told = json.loads(line)
            yield Exported(base64.b64decode(told["model"]), told["refusal"], told["is_broken"])

    def _start(self) -> subprocess.Popen[str] | None:
        with self._lock:
            if self._is_stopped or not sys.executable:
                return None
            try:
                self._process = subprocess.Popen(
                    [sys.executable, "-P", "-m", MODULE],
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.DEVNULL,
                    text=True,
                    encoding="utf-8",
                    # Ctrl-C is for the server, which ends this one too.
                    start_new_session=True,
                    env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
                )
            except OSError:
                return None
            return self._process

    def _line(self, process: subprocess.Popen[str], answers: IO[str]) -> str:
        """The next answer; without an end where there is none any more."""
        late = threading.Timer(self._seconds, process.kill)
        late.daemon = True
        late.start()
        try:
            return answers.readline()
        except ValueError:  # closed by ``stop``
            return ""
        finally:
            late.cancel()


def _request(wanted: Sequence[Wanted]) -> str:
    models = [
        {"served": each.served.model_dump(mode="json"), "shape": each.shape} for each in wanted
    ]
    return json.dumps({"path": sys.path, "models": models})


def _end(process: subprocess.Popen[str]) -> None:
    process.kill()
    process.wait()
    for pipe in (process.stdin, process.stdout):
        if pipe is not None:
            with suppress(OSError):
                pipe.close()


def main() -> None:
    """Read a request, and export its models."""
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    # What a model's own code prints is no answer.
    os.dup2(2, 1)
    logging.disable(logging.CRITICAL)
    with suppress(AttributeError, OSError):  # there is none on some platforms
        os.nice(NICENESS)
    request = json.loads(sys.stdin.readline())
    threading.Thread(target=_end_with_server, daemon=True).start()
    # Ours come first: the folder that it runs in may have a package of the same name.
    importlib.import_module("server.services.served_models")
    sys.path[:] = request["path"]
    for each in request["models"]:
        exported = _export(each)
        told = {
            "model": base64.b64encode(exported.model).decode("ascii"),
            "refusal": exported.refusal,
            "is_broken": exported.is_broken,
        }
        answers.write(json.dumps(told) + "\n")
        answers.flush()


def _end_with_server() -> None:
    sys.stdin.read()
    os._exit(0)


def _export(told: dict[str, Any]) -> Exported:
    import torch

    from server.engine.forms.export import export_onnx
    from server.engine.forms.form import FormBroken, NotExact
    from server.services.served_models import open_module
    from server.services.sources import ModelUnavailable

    torch.set_num_threads(1)
    try:
        module = open_module(ServedModel.model_validate(told["served"]))
        return Exported(export_onnx(module, tuple(told["shape"])))
    except NotExact as refusal:
        return Exported(refusal=str(refusal))
    except (FormBroken, ModelUnavailable) as error:
        return Exported(refusal=str(error), is_broken=True)
    except Exception as error:  # of a stranger's forward
        return Exported(refusal=f"{type(error).__name__}: {error}"[:300], is_broken=True)


if __name__ == "__main__":
    main()
