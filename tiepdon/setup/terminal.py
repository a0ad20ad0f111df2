"""Questions on a terminal: a text, a secret, one of several, yes or no. Of a wrong answer it is told what is wanted.

Keyboard and screen come in, so that tests type as well. Knows nothing of what is asked.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from ui.words import Words

MOST_TRIES = 5
NO, YES = ("n", "no", "k", "khong", "không"), ("y", "yes", "c", "co", "có")

Shape = Callable[[str], object]  # true of a text that has it


class GaveUp(Exception):
    """Nobody answers: the line ended, or too many answers were none."""


@dataclass(frozen=True)
class Terminal:
    """`read` shows a prompt and takes a line, `hidden` one that does not show; both raise EOFError."""

    read: Callable[[str], str]
    hidden: Callable[[str], str]
    write: Callable[[str], None]
    words: Words

    def say(self, key: str, **values: object) -> None:
        """One line of words."""
        self.write(self.words.get(key, **values) + "\n")

    def say_error(self, code: str, **values: object) -> None:
        """Cause and cure of an error, and what it is about."""
        told = self.words.error(code)
        facts = " ".join(f"{name}={value}" for name, value in values.items() if value)
        self.write(f"! {told.cause}{f' ({facts})' if facts else ''}\n  {told.cure}\n")

    def heading(self, key: str) -> None:
        """Where a question begins."""
        self.write("\n")
        self.say(key)

    def ask(self, key: str, shape: Shape, proposed: str = "", **values: object) -> str:
        """A line of this shape; an empty one takes what is proposed. One that cannot be used is told by the words
        `KEY.wrong`: what is wanted, and an example. Raises GaveUp."""
        shown = f" [{proposed}]" if proposed else ""
        for _ in range(MOST_TRIES):
            told = self._line(self.read, f"  {self.words.get(key, **values)}{shown}: ").strip() or proposed
            if shape(told):
                return told
            self.wrong(key, **values)
        raise GaveUp

    def wrong(self, key: str, **values: object) -> None:
        """What the answer to this question has to look like."""
        self.write("  ! " + self.words.get(f"{key}.wrong", **values) + "\n")

    def secret(self, key: str, there: bool) -> str | None:
        """A line that does not show; None: an empty one keeps what is there. Raises GaveUp."""
        kept = f" [{self.words.get('setup.kept')}]" if there else ""
        for _ in range(MOST_TRIES):
            if told := self._line(self.hidden, f"  {self.words.get(key)}{kept}: ").strip():
                return told
            if there:
                return None
            self.wrong(key)
        raise GaveUp

    def choose(self, key: str, options: Sequence[str], proposed: int = 1) -> int:
        """One of the numbered texts; its place from 0. Raises GaveUp."""
        self.write(f"  {self.words.get(key)}\n")
        for number, text in enumerate(options, 1):
            self.write(f"    {number}  {text}\n")
        pattern = re.compile("|".join(str(number) for number in range(1, len(options) + 1)))
        return int(self.ask("setup.number", pattern.fullmatch, str(proposed), most=len(options))) - 1

    def yes(self, key: str, proposed: bool, **values: object) -> bool:
        """A yes or a no. Raises GaveUp."""
        self.write(f"  {self.words.get(key, **values)}\n")
        both = re.compile("|".join((*YES, *NO)), re.IGNORECASE)
        told = self.ask("setup.yes_no", both.fullmatch, self.words.get("setup.yes" if proposed else "setup.no"))
        return told.casefold() in YES

    def _line(self, take: Callable[[str], str], prompt: str) -> str:
        try:
            return take(prompt)
        except (EOFError, OSError):
            self.write("\n")  # the prompt's line has no end yet
            raise GaveUp from None
        except UnicodeDecodeError:  # another encoding than the terminal's, or half a letter
            return ""
