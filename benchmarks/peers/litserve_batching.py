"""LitServe with batching, as its documentation has it, and with its faster queue.

python -m benchmarks.peers.litserve_batching PORT
"""

import sys
from typing import Any

import litserve
import torch
from torch import Tensor

from benchmarks.common_network import common
from benchmarks.peers.answers import answer

BATCH = 32
WAIT = 0.005
"""Seconds that a batch waits to be filled."""


class Drawings(litserve.LitAPI):
    def setup(self, device: str) -> None:
        # With two, which is all there are here, it answers fewer requests.
        torch.set_num_threads(1)
        self.network = common().to(device)

    def decode_request(self, request: dict[str, Any]) -> Tensor:
        return torch.tensor(request["bitmap"], dtype=torch.float32).reshape(1, 28, 28) / 255

    def batch(self, inputs: list[Tensor]) -> Tensor:
        return torch.stack(inputs)

    def predict(self, images: Tensor) -> tuple[Tensor, Tensor]:
        with torch.inference_mode():
            probabilities, indices = self.network(images).softmax(1).topk(5)
        return indices, probabilities

    def unbatch(self, output: tuple[Tensor, Tensor]) -> list[tuple[list[int], list[float]]]:
        indices, probabilities = output
        return list(zip(indices.tolist(), probabilities.tolist(), strict=True))

    def encode_response(self, output: tuple[list[int], list[float]]) -> dict[str, Any]:
        return answer(*output)


if __name__ == "__main__":
    server = litserve.LitServer(
        Drawings(max_batch_size=BATCH, batch_timeout=WAIT), accelerator="cpu", fast_queue=True
    )
    server.run(
        host="127.0.0.1", port=int(sys.argv[1]), generate_client_file=False, log_level="warning"
    )
