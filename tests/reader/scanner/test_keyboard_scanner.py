"""KeyboardScanner on keyboards that come and go, through the real evdev library."""

import fcntl
import os
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from evdev import ecodes

from reader.payload import parse_payload
from reader.payload.text import MAX_LENGTH
from reader.scanner.hid import KeyboardScanner
from tests.support.keyboards import KEYPAD, Key, Keyboard, Reader, compiled, key, plugged, reading, stroke, us_keys

CARD = "001303900017||Tran Thi Mau|14022003|Nu|So 1 Duong Mau, Phuong Mau, Quan Thu, Ha Noi|20052021"
PRINTED = "001303900017||Trần Thị Mẫu|14022003|Nữ|Số 1 Đường Mẫu, Phường Mẫu, Quận Thử, Hà Nội|20052021"
NUMBER = "001303900017"
NOBODY = "65534"


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("keyboard")
    place.chmod(0o755)
    return compiled(place)


@pytest.fixture
def keyboard(run_dir: Path) -> Iterator[Keyboard]:
    with plugged(run_dir) as made:
        yield made


@pytest.fixture
def reader(keyboard: Keyboard, library: Path) -> Iterator[Reader]:
    with reading(keyboard.path, library) as started:
        started.becomes("open")
        yield started


def test_a_code_is_read_as_a_us_keyboard_types_it(keyboard: Keyboard, reader: Reader) -> None:
    keyboard.type(us_keys(CARD + "\n"))
    assert reader.text() == CARD
    every_sign = "".join(chr(code) for code in range(0x21, 0x7F)) + "|" * 6
    keyboard.type(us_keys(every_sign + "\n"))
    assert reader.text() == every_sign


def test_letters_that_have_no_key_are_lost_and_the_rest_stands(keyboard: Keyboard, reader: Reader) -> None:
    keyboard.type(us_keys(PRINTED + "\n"))
    result = parse_payload(reader.text())
    assert not KeyboardScanner.trusts_letters
    assert result.holder is None or (result.holder.personal_id == NUMBER and result.holder.birth_date == "2003-02-14")


@pytest.mark.parametrize("end", ["\n", "\t", ""])
def test_enter_tab_or_silence_ends_a_code(keyboard: Keyboard, reader: Reader, end: str) -> None:
    keyboard.type(us_keys(CARD + end))
    assert reader.text() == CARD


def test_two_codes_back_to_back_are_two(keyboard: Keyboard, reader: Reader) -> None:
    keyboard.type(us_keys(CARD + "\n" + CARD.replace("0017", "0018") + "\n"))
    assert [reader.text(), reader.text()] == [CARD, CARD.replace("0017", "0018")]


def test_a_person_types_a_number_slowly_on_the_keypad_and_corrects_it(keyboard: Keyboard, reader: Reader) -> None:
    typed = [part for digit in "00130395" for part in stroke(f"KP{digit}")]
    typed += stroke("BACKSPACE") + [part for digit in "00017" for part in stroke(f"KP{digit}")]
    keyboard.type(typed, seconds=2.5)
    keyboard.type(stroke("KPENTER"), seconds=2.5)
    assert reader.text() == NUMBER
    assert reader.texts() == []


def test_a_key_that_is_held_counts_once(keyboard: Keyboard, reader: Reader) -> None:
    held = [Key(key("7"), 1), *[Key(key("7"), 2)] * 50, Key(key("7"), 0)]
    keyboard.type([*us_keys("00130390001"), *held, *us_keys("\n")])
    assert reader.text() == NUMBER


def test_a_keyboard_pulled_in_the_middle_leaves_nothing_behind(keyboard: Keyboard, reader: Reader) -> None:
    for _ in range(3):
        keyboard.type(us_keys("079200900"))
        keyboard.pull()
        reader.becomes("missing", "keyboard.missing")
        keyboard.plug()
        reader.becomes("open")
    keyboard.type(us_keys(CARD + "\n"))
    assert reader.text() == CARD
    assert reader.texts() == []


def test_a_keyboard_of_another_program_is_told_and_used_once_it_is_free(keyboard: Keyboard, library: Path) -> None:
    with ExitStack() as other:
        lock = other.enter_context(keyboard.path.with_name("kbd.grab").open("w"))
        fcntl.flock(lock, fcntl.LOCK_EX)
        reader = other.enter_context(reading(keyboard.path, library))
        reader.becomes("missing", "keyboard.held")
        lock.close()
        reader.becomes("open")
        keyboard.type(us_keys(CARD + "\n"))
        assert reader.text() == CARD


def test_nobody_else_gets_a_keyboard_that_is_read(keyboard: Keyboard, reader: Reader) -> None:
    assert reader.health["sees_codes"] is True
    with keyboard.path.with_name("kbd.grab").open("w") as lock, pytest.raises(BlockingIOError):
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
def test_a_user_who_may_not_open_it_is_told(keyboard: Keyboard, library: Path) -> None:
    keyboard.path.parent.chmod(0o755)
    with reading(keyboard.path, library, NOBODY) as reader:
        reader.becomes("missing", "keyboard.not_allowed")


@pytest.mark.parametrize("make", [Path.touch, Path.mkdir])
def test_what_is_no_input_device_is_told(run_dir: Path, make: Callable[[Path], None]) -> None:
    make(run_dir / "thing")
    with reading(run_dir / "thing") as reader:
        reader.becomes("missing", "keyboard.not_a_keyboard")


def test_a_mouse_is_no_keyboard(run_dir: Path, library: Path) -> None:
    with plugged(run_dir, able=["BTN_LEFT"]) as mouse, reading(mouse.path, library) as reader:
        reader.becomes("missing", "keyboard.not_a_keyboard")


def test_a_keyboard_without_letters_is_a_keypad_and_sees_no_codes(run_dir: Path, library: Path) -> None:
    with plugged(run_dir, KEYPAD) as keypad, reading(keypad.path, library) as reader:
        reader.becomes("open")
        assert reader.health["sees_codes"] is False
        keypad.type([part for digit in NUMBER for part in stroke(f"KP{digit}")] + stroke("KPENTER"), seconds=0.5)
        assert reader.text() == NUMBER


def test_a_keyboard_plugged_in_later_is_found(run_dir: Path, library: Path) -> None:
    with reading(run_dir / "kbd", library) as reader:
        reader.becomes("missing", "keyboard.missing")
        with plugged(run_dir) as keyboard:
            reader.becomes("open")
            keyboard.type(us_keys(CARD + "\n"))
            assert reader.text() == CARD


def test_what_is_down_and_lit_at_the_beginning_is_known(run_dir: Path, library: Path) -> None:
    with plugged(run_dir) as keyboard:
        keyboard.tell("lamps", [ecodes.LED_CAPSL])
        keyboard.tell("keys", [key("LEFTSHIFT")])
        with reading(keyboard.path, library) as reader:
            reader.becomes("open")
            keyboard.type([*stroke("A"), *stroke("1"), Key(key("LEFTSHIFT"), 0), *stroke("A"), *us_keys("1||||||\n")])
            assert reader.text() == "a!A1||||||"


def test_after_lost_keys_nothing_is_read_up_to_the_next_silence(keyboard: Keyboard, reader: Reader) -> None:
    keyboard.type(us_keys("001303"))
    lost = (ecodes.EV_SYN, ecodes.SYN_DROPPED, 0)
    keyboard.send(lost, (ecodes.EV_KEY, key("9"), 1), (ecodes.EV_SYN, ecodes.SYN_REPORT, 0))
    keyboard.type(us_keys("303900017\n" + CARD + "\n"))
    keyboard.type(us_keys(CARD[:1]), seconds=1.0)
    keyboard.type(us_keys(CARD[1:] + "\n"))
    assert reader.text() == CARD
    assert reader.texts() == []


def test_a_flood_of_keys_is_cut_refused_once_and_forgotten(keyboard: Keyboard, reader: Reader) -> None:
    keyboard.type(us_keys("x" * 10_000))
    flood = reader.text()
    assert len(flood) == MAX_LENGTH + 1
    assert parse_payload(flood).reason == "payload.too_long"
    keyboard.type(us_keys(CARD[:1]), seconds=1.0)
    keyboard.type(us_keys(CARD[1:] + "\n"))
    assert reader.text() == CARD
    assert reader.texts() == []


def test_without_a_device_nothing_runs() -> None:
    scanner = KeyboardScanner("", lambda: 5.0)
    scanner.run(print, threading.Event())
    assert scanner.health() == {"state": "absent", "problem": None, "device": "", "seconds": 0.0}


@pytest.mark.skipif(not os.access("/dev/uinput", os.W_OK), reason="needs /dev/uinput and the right to write to it")
def test_the_kernels_own_keyboard_is_read_and_grabbed() -> None:
    from evdev import InputDevice, UInput

    with UInput(name="tiepdon test keyboard") as made, reading(Path(str(made.device.path))) as reader:
        reader.becomes("open")
        with pytest.raises(OSError, match="busy"):
            InputDevice(made.device.path).grab()
        for pressed in us_keys(CARD + "\n"):
            made.write(ecodes.EV_KEY, *pressed)
            made.syn()
        assert reader.text() == CARD
