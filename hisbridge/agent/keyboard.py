"""Keys pressed in the window that has the focus, by a program of the desktop's: xdotool (X11) or wtype (Wayland).

An input method that composes Vietnamese (Unikey, bamboo, Telex mode) composes what is typed a second time: it has to be
off. Only Tab is pressed besides texts.
"""

import contextlib
import os
import shutil
import subprocess
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Protocol

from hisbridge.agent.errors import TypingImpossible

SETTLE_SECONDS = 0.3  # for windows to notice other letters on keys
KEY_SECONDS = 60.0  # for one text, however slow its delay
# Names under which an input method tells programs that it is there (im-config, ibus and fcitx documentation).
_METHODS = ("XMODIFIERS", "GTK_IM_MODULE", "QT_IM_MODULE")


class Keyboard(Protocol):
    """Where keys go."""

    def window(self) -> str | None:
        """The title of the window that has the focus; None where this desktop does not tell."""
        ...

    def text(self, text: str) -> None:
        """Type it. Raises TypingImpossible."""
        ...

    def tab(self) -> None:
        """Press Tab once. Raises TypingImpossible."""
        ...

    def close(self) -> None:
        """Leave the desktop's keyboard as it was. Never raises."""
        ...


class Xdotool:
    """X11. Letters that no key has are put on spare keys, before and apart from typing.

    Left to itself xdotool changes one spare key between two letters, and windows read it too late: at every delay
    from 2 to 100 ms Vietnamese texts arrived changed (MẪU as MÀU), with spare keys set beforehand none.
    """

    def __init__(self, delay_ms: int, sleep: Callable[[float], None] = time.sleep) -> None:
        self._delay = str(delay_ms)
        self._sleep = sleep
        self._spare: list[str] | None = None  # keycodes that had no letter
        self._keyed: set[str] = set()

    def window(self) -> str | None:
        """The focused window's title, empty where it has none."""
        return _run(["xdotool", "getwindowfocus", "getwindowname"]).strip()

    def text(self, text: str) -> None:
        """From standard input: a process's arguments are visible to others on the machine."""
        if not text.isascii() and not self._spare_keys():
            raise TypingImpossible(why="no_spare_key")
        for part in self._parts(text):
            _run(["xdotool", "type", "--clearmodifiers", "--delay", self._delay, "--file", "-"], part)

    def tab(self) -> None:
        """One press."""
        _run(["xdotool", "key", "--clearmodifiers", "--delay", self._delay, "Tab"])

    def close(self) -> None:
        """Take the letters off the spare keys."""
        if self._keyed and self._spare:
            self._sleep(SETTLE_SECONDS)
            with contextlib.suppress(TypingImpossible):
                _run(["xmodmap", "-"], "".join(f"keycode {key} =\n" for key in self._spare))
            self._keyed = set()

    def _parts(self, text: str) -> Iterator[str]:
        """The text in pieces, each of which the keys have when it is its turn."""
        begin, wanted = 0, set(self._keyed)
        room = len(self._spare_keys()) if not text.isascii() else 0
        for position, letter in enumerate(text):
            if letter.isascii() or letter in wanted:
                continue
            if len(wanted) >= room:
                if begin < position:
                    self._key(wanted)
                    yield text[begin:position]
                begin, wanted = position, set()
            wanted.add(letter)
        self._key(wanted)
        yield text[begin:]

    def _key(self, letters: set[str]) -> None:
        """Put exactly these letters on the spare keys, whatever the shift key does, and let windows notice."""
        if letters <= self._keyed:
            return
        names = [f"U{ord(letter):04X}" for letter in sorted(letters)]
        self._sleep(SETTLE_SECONDS)  # keys under way still mean what they meant
        told = [
            f"keycode {key} = {' '.join([name] * 4)}\n" for key, name in zip(self._spare_keys(), names, strict=False)
        ]
        _run(["xmodmap", "-"], "".join(told))
        self._sleep(SETTLE_SECONDS)
        self._keyed = set(letters)

    def _spare_keys(self) -> list[str]:
        if self._spare is None:
            lines = [line.partition("=") for line in _run(["xmodmap", "-pke"]).splitlines()]
            self._spare = [
                name.split()[1] for name, _, letters in lines if name.startswith("keycode") and not letters.strip()
            ]
        return self._spare


class Wtype:
    """Wayland, where the compositor has the virtual-keyboard protocol."""

    def __init__(self, delay_ms: int) -> None:
        self._delay = str(delay_ms)

    def window(self) -> str | None:
        """Wayland tells no program of another's window."""
        return None

    def text(self, text: str) -> None:
        """From standard input, as above."""
        _run(["wtype", "-d", self._delay, "-"], text)

    def tab(self) -> None:
        """One press."""
        _run(["wtype", "-k", "Tab"])

    def close(self) -> None:
        """It brings a keyboard of its own, which went with it."""


def keyboard(delay_ms: int, environment: Mapping[str, str] = os.environ) -> Keyboard:
    """The keyboard of this session. Raises TypingImpossible."""
    wayland, x11 = environment.get("WAYLAND_DISPLAY"), environment.get("DISPLAY")
    if wayland and shutil.which("wtype"):
        return Wtype(delay_ms)
    if x11 and shutil.which("xdotool") and shutil.which("xmodmap"):
        return Xdotool(delay_ms)
    raise TypingImpossible(why="no_program" if wayland or x11 else "no_display")


def input_method(environment: Mapping[str, str] = os.environ) -> str | None:
    """An input method that this session uses and that may change what is typed; None where none is seen."""
    for name in _METHODS:
        value = environment.get(name, "").removeprefix("@im=")
        if value and value not in ("none", "xim", "simple", "gtk-im-context-simple", "local"):
            return value
    return None


def press(board: Keyboard, presses: Iterable[str | None], window: str = "") -> int:
    """Press all of them (None: Tab) while the window whose title holds `window` has the focus. How many texts.

    Raises TypingImpossible: the focus went elsewhere, and nothing more was typed.
    """
    texts = 0
    _right_window(board, window)
    for one in presses:
        _right_window(board, window)
        if one is None:
            board.tab()
        else:
            board.text(one)
            texts += 1
    return texts


def _right_window(board: Keyboard, window: str) -> None:
    if window and (title := board.window()) is not None and window not in title:
        raise TypingImpossible(why="wrong_window")


def _run(command: list[str], told: str = "") -> str:
    try:
        done = subprocess.run(
            command, input=told, capture_output=True, text=True, timeout=KEY_SECONDS, check=True, encoding="utf-8"
        )
    except (OSError, subprocess.SubprocessError):
        raise TypingImpossible(why="failed") from None
    return done.stdout
