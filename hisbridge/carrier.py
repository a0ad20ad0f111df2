"""What serves one destination: a courier that sends, or an agent that is asked."""

from typing import Protocol

from hisbridge.desk_records import Depth, Pause
from hisbridge.standing import DestinationHealth


class Carrier(Protocol):
    """What serves one destination in a thread of its own: a courier, or an agent that is asked instead of sending."""

    name: str

    def run(self, poll_seconds: float) -> None:
        """Serve until `stop`."""
        ...

    def wake(self) -> None:
        """Something was put into the outbox."""
        ...

    def let_go(self) -> None:
        """Give back what was taken: somebody paused the destination."""
        ...

    def resume(self) -> None:
        """Go on."""
        ...

    def stop(self) -> None:
        """End `run` soon."""
        ...

    def health(self, owed: Depth, pause: Pause | None = None) -> DestinationHealth:
        """How it is going."""
        ...
