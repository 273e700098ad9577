"""A model in ONNX Runtime, on the CPU."""

from __future__ import annotations

import onnxruntime

from server.engine.forms.form import Batch, FormBroken, FormName, Values


class OnnxRuntime:
    """A session of ONNX Runtime, for batches of any size."""

    name: FormName = "onnxruntime"

    def __init__(self, model: bytes, threads: int) -> None:
        """Open a model; it is optimised for this machine, which takes some milliseconds.

        Args:
            model: in ONNX, with one input and one output.
            threads: for one operation; with 1 it runs in the caller's thread.

        Raises:
            FormBroken: it is no model, or has other inputs and outputs.
        """
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        # A thread that waits for work in a loop takes the CPU from those that have some.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        options.log_severity_level = 4
        try:
            self._session = onnxruntime.InferenceSession(
                model, options, providers=["CPUExecutionProvider"]
            )
        except Exception as error:  # of many classes, with no other base
            raise FormBroken(f"ONNX Runtime does not open it: {_in_a_line(error)}") from error
        inputs, outputs = self._session.get_inputs(), self._session.get_outputs()
        if len(inputs) != 1 or len(outputs) != 1:
            raise FormBroken(f"it has {len(inputs)} inputs and {len(outputs)} outputs")
        self._input: str = inputs[0].name
        self._outputs: list[str] = [outputs[0].name]

    def __call__(self, batch: Batch) -> Values:
        """What the model returns for a batch."""
        values: Values = self._session.run(self._outputs, {self._input: batch})[0]
        return values


def _in_a_line(error: Exception) -> str:
    return " ".join(str(error).split())[:300]
