"""What is held up to several devices at once, many times a second, was held up once. Pure."""

import hashlib
import threading

from reader.payload.parse import PayloadResult
from reader.reading import Reading

REPEAT_SECONDS = 3.0  # a code unseen for so long was taken away
_MOST = 256  # remembered at once; a screen that shows a new code in every frame fills no memory


class Held:
    """Remembers what was seen a moment ago, by digests only, and only so long. Any thread may ask."""

    def __init__(self) -> None:
        self._seen: dict[bytes, tuple[float, bool]] = {}
        self._lock = threading.Lock()

    def forget(self) -> None:
        """Nothing was seen yet: a code in view is to be told anew."""
        with self._lock:
            self._seen = {}

    def is_new(self, result: PayloadResult, text: str, meant: Reading | str, now: float) -> bool:
        """Whether what was held up (`text`, read as `result`, which meant `meant`) is held up anew, or says more than
        what another device made of it. `now` in monotonic seconds.

        One card's code comes with and without a scanner's prefix, letters lost or whole: its number tells that it is
        the same one.
        """
        named = isinstance(meant, Reading) and meant.holder.full_name is not None
        digest = hashlib.sha256(_what(result, text).encode("utf-8", "surrogatepass")).digest()
        with self._lock:
            seen = {key: value for key, value in self._seen.items() if now - value[0] < REPEAT_SECONDS}
            before = seen.pop(digest, None)
            seen[digest] = (now, named or (before is not None and before[1]))
            self._seen = dict(list(seen.items())[-_MOST:])
        return before is None or (named and not before[1])


def _what(result: PayloadResult, text: str) -> str:
    holder, card = result.holder, result.insurance
    number = (holder.personal_id or holder.previous_id) if holder is not None else None
    number = number or (card.card_number if card is not None else None)
    return f"{result.kind} {number}" if number else text
