"""Whether the server should be sent requests at this moment."""

from __future__ import annotations

from server.errors import NotReady
from server.services.lane import Lane


class Readiness:
    """Starting, ready, stopping; and not ready either while too many runs of networks hang."""

    def __init__(self) -> None:
        self._lane: Lane | None = None
        self._stopping = False
        self.is_run_left = False
        """Whether the server has stopped while a run of a network goes on."""

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

    def ended(self, is_all: bool) -> None:
        """The server has stopped; ``is_all``: and no run of a network goes on."""
        self.is_run_left = not is_all

    def check(self, model: str = "") -> None:
        """Raise NotReady, saying why, unless requests (for ``model``, if named) are welcome."""
        if self._stopping:
            raise NotReady("The server is stopping.")
        if self._lane is None:
            raise NotReady("The server is starting: the models are not loaded yet.")
        self.check_alive()
        if model and model in self._lane.hanging:
            raise NotReady(f"A run of {model} does not end.")

    def check_alive(self) -> None:
        """Raise NotReady where only a new process would help: no network can be run any more."""
        if self._lane is None or self._stopping or self._lane.works:
            return
        hanging = self._lane.hanging
        if hanging:
            raise NotReady(f"Too many runs of networks hang: {', '.join(hanging)}.")
        raise NotReady("The thread that runs the networks has ended.")
