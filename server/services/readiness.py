"""Whether the server should be sent requests at this moment."""

from __future__ import annotations

from server.errors import NotReady
from server.services.lane import Lane


class Readiness:
    """Starting, ready, stopping; and not ready either while the network hangs in one run.

    Args:
        stuck_seconds: a run that lasts longer is taken for one that never ends.
    """

    def __init__(self, stuck_seconds: float) -> None:
        self._stuck_seconds = stuck_seconds
        self._lane: Lane | None = None
        self._stopping = False

    def started(self, lane: Lane) -> None:
        """The models are loaded, and this is the lane that they run on."""
        self._lane = lane
        self._stopping = False

    def stop(self) -> None:
        """The server will stop: what comes is still answered, but better sent elsewhere."""
        self._stopping = True

    @property
    def ready(self) -> bool:
        """Whether requests are welcome."""
        try:
            self.check()
        except NotReady:
            return False
        return True

    def check(self) -> None:
        """Raise NotReady, saying why, unless requests are welcome."""
        if self._stopping:
            raise NotReady("The server is stopping.")
        if self._lane is None:
            raise NotReady("The server is starting: the models are not loaded yet.")
        if not self._lane.works:
            raise NotReady("The thread that runs the networks has ended.")
        lasted = self._lane.running_seconds
        if lasted > self._stuck_seconds:
            raise NotReady(
                f"A network has been running for {lasted:.0f} seconds; "
                f"{self._stuck_seconds:g} are taken for the most.",
                limit=self._stuck_seconds,
            )
