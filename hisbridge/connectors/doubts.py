"""Which registrations may have been made although nobody confirmed them, for receivers that recognise no key of ours.

Known for sure only of what this process sent. After a restart a further attempt is doubted, unless the receiver was
seen not to know the person, or could not be asked: then nothing was sent.
"""

from collections import OrderedDict

MOST = 10_000  # visits remembered


class Doubts:
    """Per visit: was the call that must not be made twice begun, and not answered?"""

    def __init__(self, most: int = MOST) -> None:
        self._most = most
        self._known: OrderedDict[str, bool] = OrderedDict()

    def untouched(self, visit: str) -> None:
        """Nothing was sent of it, as far as this process knows otherwise."""
        self._known.setdefault(visit, False)
        self._trim()

    def begun(self, visit: str) -> None:
        """The call is about to be made."""
        self._known[visit] = True
        self._trim()

    def settled(self, visit: str) -> None:
        """The receiver answered it, or never saw it, or a person was told to look."""
        self._known[visit] = False
        self._trim()

    def of(self, visit: str, attempt: int) -> bool:
        """Whether it may have been made."""
        return self._known.get(visit, attempt > 1)

    def _trim(self) -> None:
        while len(self._known) > self._most:
            self._known.popitem(last=False)
