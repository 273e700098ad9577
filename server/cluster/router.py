"""Which replica a proxy sends a request to."""

from __future__ import annotations

import random

from ray.serve.experimental.consistent_hash_router import ConsistentHashRouter
from ray.serve.request_router import LocalityMixin, PendingRequest, RunningReplica


class SessionRouter(LocalityMixin, ConsistentHashRouter):
    """A request with a session goes where its session is; any other to the less busy of two.

    The two are drawn by chance (Mitzenmacher, "The Power of Two Choices in Randomized Load
    Balancing", 2001), first among the replicas on the machine of the proxy.
    """

    async def choose_replicas(
        self,
        candidate_replicas: list[RunningReplica],
        pending_request: PendingRequest | None = None,
    ) -> list[list[RunningReplica]]:
        """Replicas to ask, in order of preference, as Ray's routers give them."""
        if pending_request is None or pending_request.metadata.session_id:
            chosen: list[list[RunningReplica]] = await super().choose_replicas(
                candidate_replicas, pending_request
            )
            return chosen
        near = self.apply_locality_routing(pending_request=pending_request)
        drawn = random.sample(tuple(near), min(2, len(near)))
        return [[self.curr_replicas[replica] for replica in drawn]] if drawn else []
