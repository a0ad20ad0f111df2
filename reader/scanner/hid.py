"""A scanner or keypad that acts as a keyboard: keys in, payloads out. The only importer of evdev.

The keyboard is grabbed (EVIOCGRAB), so that what is typed reaches neither the browser nor a console, and no input
method changes it: the kernel gives the codes of keys, not letters.

Its letters are not trusted all the same. A scanner knows the letters of the code and types the keys of some layout: for
`ễ` a US one has no key, and what scanners do then is to leave the letter out, to type `e` or `?`, or to type something
else (card.md 1.5, kiosk.md 3.2). Nobody can tell `Nguyen` that was printed so from `Nguyễn` that was not. Digits, dates
and separators have keys of their own and arrive as they are.
"""

import errno
import fcntl
import select
import struct
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from typing import Any

from reader.payload.errors import (
    KeyboardHeld,
    KeyboardLibraryMissing,
    KeyboardMissing,
    KeyboardNotAllowed,
    NotAKeyboard,
)
from reader.scanner.condition import Condition
from reader.scanner.keymap import CAPS_LOCK_LED, DIGITS, LETTERS
from reader.scanner.keystrokes import PRESSED, Keystrokes
from reader.scanner.typed import TypedText

STOP_SECONDS = 0.25  # how long a stop may go unnoticed
RETRY_SECONDS = 0.3  # a plug that was pulled by accident is back in a second
SETTLE_SECONDS = 0.15  # keys on their way when the keyboard is opened are the tail of something
RELEASE_SECONDS = 1.0  # how long a key that is down may put off the grab

_SYN, _KEY = 0, 1  # event types
_SYN_REPORT, _SYN_DROPPED = 0, 3
_SET_CLOCK = 0x400445A0  # EVIOCSCLOCKID of linux/input.h; evdev has no name for it
_TROUBLE = (
    OSError,
    ValueError,
    SystemError,
)  # the last two: a name that is no text, a failed ioctl


class KeyboardScanner:
    """The keyboard at `device` (a path; empty: none is configured). `clock` gives monotonic seconds.

    `sees_codes`: whether it can be a scanner. One without letters is a keypad.
    """

    name = "keyboard"
    trusts_letters = False

    def __init__(self, device: str, clock: Callable[[], float]) -> None:
        self.sees_codes = True
        self._device = device
        self._clock = clock
        self._condition = Condition(self.name, device, clock)

    def run(self, on_text: Callable[[str], None], stop: threading.Event) -> None:
        """Hand each payload to `on_text` until `stop` is set; returns at once when no device is configured.

        A payload longer than MAX_LENGTH is handed on cut to one sign more than that, so that it can be refused. One of
        which keys are missing is dropped.
        """
        while self._device and not stop.is_set():
            try:
                with grabbed(self._device) as keyboard:
                    self.sees_codes = _codes(keyboard) >= LETTERS
                    self._settle(keyboard, stop)
                    self._condition.became("open")
                    self._listen(keyboard, on_text, stop)
            except KeyboardMissing as error:
                self._condition.became("missing", error.code)
                stop.wait(RETRY_SECONDS)

    def health(self) -> dict[str, Any]:
        """How the device is (see `Condition.report`)."""
        return self._condition.report()

    def _settle(self, keyboard: Any, stop: threading.Event) -> None:
        last = self._clock()
        while self._clock() - last < SETTLE_SECONDS and not stop.is_set():
            if _has_press(_receive(keyboard, SETTLE_SECONDS)):
                last = self._clock()

    def _listen(self, keyboard: Any, on_text: Callable[[str], None], stop: threading.Event) -> None:
        keys, typed = _keystrokes(keyboard), TypedText()
        dropped = False
        last = self._clock()
        while not stop.is_set():
            left = last + typed.patience() - self._clock()
            events = _receive(keyboard, min(max(left, 0.0), STOP_SECONDS))
            payloads: list[str] = []
            for event in events:
                if event.type == _SYN and event.code == _SYN_DROPPED:
                    dropped = True  # the kernel's buffer overran; up to the next report nothing is whole
                    typed.lost()
                elif event.type == _SYN and event.code == _SYN_REPORT and dropped:
                    dropped = False
                    keys = _keystrokes(keyboard)
                elif event.type == _KEY and not dropped:
                    if event.value == PRESSED:
                        payloads += typed.struck(event.timestamp())
                    for sign in keys.key(event.code, event.value):
                        payloads += typed.typed(sign)
            if _has_press(events):
                last = self._clock()
            elif self._clock() - last >= typed.patience():
                payloads += typed.silent()
                last = self._clock()
            for payload in payloads:
                on_text(payload)


@contextmanager
def grabbed(device: str) -> Iterator[Any]:
    """The keyboard at this path, for nobody but us while the context lasts. Raises KeyboardMissing and its kinds."""
    try:
        from evdev import InputDevice
    except ImportError:
        raise KeyboardLibraryMissing from None

    try:
        keyboard = InputDevice(device)
    except _TROUBLE as error:
        raise _reason(error) from None
    with closing(keyboard):  # the kernel ends a grab with it
        try:
            _require_digits(keyboard)
            _wait_for_release(keyboard)
            keyboard.grab()
        except _TROUBLE as error:
            raise _reason(error) from None
        with suppress(OSError):  # gaps between keys are to be true also while the clock is being set
            fcntl.ioctl(keyboard.fd, _SET_CLOCK, struct.pack("i", time.CLOCK_MONOTONIC))
        yield keyboard


def _require_digits(keyboard: Any) -> None:
    if not any(digits <= _codes(keyboard) for digits in DIGITS):
        raise NotAKeyboard


def _codes(keyboard: Any) -> set[int]:
    """The keys it has."""
    return set(keyboard.capabilities(absinfo=False).get(_KEY, ()))


def _wait_for_release(keyboard: Any) -> None:
    """A grab while a key is down leaves it down for everybody else: the browser would repeat it for ever."""
    pause, until = threading.Event(), time.monotonic() + RELEASE_SECONDS
    while keyboard.active_keys() and time.monotonic() < until:
        pause.wait(0.02)


def _keystrokes(keyboard: Any) -> Keystrokes:
    """What is down and lit now. Raises KeyboardMissing."""
    try:
        return Keystrokes(keyboard.active_keys(), CAPS_LOCK_LED in keyboard.leds())
    except _TROUBLE:
        raise KeyboardMissing from None


def _receive(keyboard: Any, seconds: float) -> list[Any]:
    """Events, as soon as there are any; empty after `seconds` without. Raises KeyboardMissing."""
    try:
        ready, _, _ = select.select([keyboard.fd], [], [], seconds)
        events = list(keyboard.read()) if ready else []
    except BlockingIOError:
        return []
    except _TROUBLE:
        raise KeyboardMissing from None
    if ready and not events:
        raise KeyboardMissing  # nothing to read although there is something: the end of a file
    return events


def _has_press(events: list[Any]) -> bool:
    return any(event.type == _KEY and event.value == PRESSED for event in events)


def _reason(error: BaseException) -> KeyboardMissing:
    """Why a keyboard could not be opened."""
    number = getattr(error, "errno", None)
    if number in (errno.EACCES, errno.EPERM):
        return KeyboardNotAllowed()
    if number == errno.EBUSY:
        return KeyboardHeld()
    if number in (errno.ENOTTY, errno.EISDIR, errno.EINVAL, None):
        return NotAKeyboard()
    return KeyboardMissing()
