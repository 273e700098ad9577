"""mosec as its tutorial has it: a worker of PyTorch with batching, and JSON.

MOSEC_ADDRESS=127.0.0.1 MOSEC_PORT=8000 python -m benchmarks.peers.mosec_tutorial
"""

from typing import Any

import torch
from mosec import Server, Worker

from benchmarks.common_network import common
from benchmarks.peers.answers import answer

BATCH = 32
WAIT = 10
"""Milliseconds that a batch waits to be filled, as in the tutorial."""


class Drawings(Worker):
    def __init__(self) -> None:
        super().__init__()
        # With two, which is all there are here, it answers fewer requests.
        torch.set_num_threads(1)
        self.network = common()

    def forward(self, data: list[dict[str, Any]]) -> list[dict[str, Any]]:
        bitmaps = [question["bitmap"] for question in data]
        images = torch.tensor(bitmaps, dtype=torch.float32).reshape(-1, 1, 28, 28) / 255
        with torch.inference_mode():
            probabilities, indices = self.network(images).softmax(1).topk(5)
        return list(map(answer, indices.tolist(), probabilities.tolist()))


if __name__ == "__main__":
    server = Server()
    server.append_worker(Drawings, num=1, max_batch_size=BATCH, max_wait_time=WAIT)
    server.run()
