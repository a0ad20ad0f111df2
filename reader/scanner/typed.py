"""Signs typed one after the other, into payloads. Pure: times come in; must not import evdev.

Two kinds of typist share a keyboard's door. A scanner types a key every few milliseconds and may or may not end with
Enter, so its payload ends with silence too. A person on a keypad rests between digits, looks at the card, corrects:
what she types ends with Enter only, and is forgotten when she leaves.
"""

from reader.payload.text import MAX_LENGTH, as_text
from reader.scanner.framing import SILENCE_SECONDS, at_silence, silence_after, take_payloads
from reader.scanner.keystrokes import UNKNOWN, as_meant

SCANNER_KEYS = 9  # nobody types so many keys so fast, and no payload is shorter
SCANNER_SECONDS = 0.05  # a key, on the average; scanners are set to 0 to 40 ms, quick hands need 80
FORGET_SECONDS = 10.0  # between two keys; then whoever began has gone

_LINE_ENDS = ("\r", "\n", "\t")


class TypedText:
    """What was typed and is not handed on yet; never more than a payload may hold."""

    def __init__(self) -> None:
        self._text = ""
        self._deaf = False  # until a silence: what comes is the tail of something of which a part is missing
        self._burst_begin = 0  # where in the text the keys begin that came without a pause
        self._burst_keys = 0
        self._burst_began = 0.0
        self._last: float | None = None

    def struck(self, at: float) -> list[str]:
        """A key went down, at this time in seconds; gives the payload that a pause before it had ended."""
        pause = float("inf") if self._last is None else at - self._last
        ended = self.silent() if pause >= self.patience() else []
        if pause >= SILENCE_SECONDS:
            self._burst_begin, self._burst_keys, self._burst_began = len(self._text), 0, at
        self._burst_keys += 1
        self._last = at
        return ended

    def typed(self, sign: str) -> list[str]:
        """A key typed a sign; gives the payloads that are complete with it."""
        if self._deaf:
            return []
        if sign == "\x1b":
            return self._nothing()
        if sign == "\b":
            self._text = self._text[:-1]
            self._burst_begin = min(self._burst_begin, len(self._text))
            return []
        self._text += sign
        if len(self._text) > MAX_LENGTH:
            flood = self._text[: MAX_LENGTH + 1]
            self.lost()
            return [flood]
        if sign not in _LINE_ENDS:
            return []
        payloads, rest = take_payloads(self._whole().encode())
        if payloads:
            self._text, self._burst_begin = as_text(rest), 0
        return [as_meant(as_text(payload)) for payload in payloads]

    def patience(self) -> float:
        """Seconds without a key after which `silent` is to be asked."""
        if self._deaf or self._text.endswith(_LINE_ENDS):
            return SILENCE_SECONDS
        return silence_after(self._text.encode()) if self._text and self._by_scanner() else FORGET_SECONDS

    def silent(self) -> list[str]:
        """No key for `patience` seconds: gives the payload that this ends, and forgets the rest."""
        ended = not self._deaf and (self._text.endswith(_LINE_ENDS) or self._by_scanner())
        whole = at_silence(self._whole().encode()) if ended else b""
        self._deaf = False
        self._nothing()
        return [as_meant(as_text(whole))] if whole else []

    def lost(self) -> None:
        """Keys are missing: drop what is under way and everything up to the next silence."""
        self._nothing()
        self._deaf = True

    def _nothing(self) -> list[str]:
        self._text, self._burst_begin = "", 0
        return []

    def _by_scanner(self) -> bool:
        if self._last is None or self._burst_keys < SCANNER_KEYS:
            return False
        return self._last - self._burst_began <= (self._burst_keys - 1) * SCANNER_SECONDS

    def _whole(self) -> str:
        """The text; where a scanner began in the middle of something else, a mark that makes it unusable.

        Three digits that somebody left and nine of a code are no twelve-digit number.
        """
        if self._burst_begin and self._by_scanner():
            return self._text[: self._burst_begin] + UNKNOWN + self._text[self._burst_begin :]
        return self._text
