"""The typing helper: texts and keys from a template, and real keys into a real window where one can be had."""

import os
import shutil
import stat
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser

from config.destinations.local_agent import Screen, TypedField
from hisbridge.agent import keyboard, typing
from hisbridge.agent.errors import TypingImpossible
from hisbridge.outbox import State
from tests.hisbridge.agents import running
from tests.hisbridge.making import eventually, patient, record

SCREEN = Screen(
    fields=(
        TypedField(field="personal_id"),
        TypedField(field="full_name", letters="upper", tabs=2),
        TypedField(field="birth_date", dates="ddMMyyyy"),
        TypedField(field="residence", tabs=0),
    ),
    window="HIS",
    delay_ms=2,
)


def one(field: TypedField, **differences: Any) -> str:
    made = record("v1", patient=patient(**differences))
    return typing.blocks(made, Screen(fields=(field,)))[0].text


@pytest.mark.parametrize(
    ("field", "text"),
    [
        (TypedField(field="full_name"), "Nguyễn Thị Hoài Thử"),
        (TypedField(field="full_name", letters="upper"), "NGUYỄN THỊ HOÀI THỬ"),
        (TypedField(field="full_name", letters="upper_ascii"), "NGUYEN THI HOAI THU"),
        (TypedField(field="full_name", letters="ascii"), "Nguyen Thi Hoai Thu"),
        (TypedField(field="birth_date"), "14/02/2003"),
        (TypedField(field="birth_date", dates="ddMMyyyy"), "14022003"),
        (TypedField(field="birth_date", dates="yyyy-MM-dd"), "2003-02-14"),
        (TypedField(field="birth_date", dates="yyyy"), "2003"),
        (TypedField(field="birth_year"), "2003"),
        (TypedField(field="sex"), "Nữ"),
        (TypedField(field="sex", sexes={"male": "1", "female": "0"}), "0"),
        (TypedField(field="insurance_number"), "GD4000000000017"),
        (TypedField(field="insurance_to"), "31/12/2026"),
        (TypedField(field="registered_facility"), "01028"),
        (TypedField(field="phone"), "0912345678"),
        (TypedField(field="text", text="Thu phí"), "Thu phí"),
    ],
)
def test_each_field_is_written_as_its_screen_wants_it(field: TypedField, text: str) -> None:
    assert one(field) == text


def test_what_is_not_known_is_left_empty_and_the_order_stays() -> None:
    made = record("v1", patient=patient(full_name=None, birth_date="1955", expiry_date="none"), coverage=None)
    fields = ("full_name", "birth_date", "expiry_date", "insurance_number", "ticket_number")
    screen = Screen(fields=tuple(TypedField(field=name) for name in fields))  # type: ignore[arg-type]
    assert [block.text for block in typing.blocks(made, screen)] == ["", "1955", "", "", "0001"]


@pytest.mark.parametrize("break_", ["\n", "\r\n", "\t", "\x1b[2J", "\u2028", "\x00", "\x0b"])
def test_no_name_can_press_a_key(break_: str) -> None:
    text = one(TypedField(field="full_name"), full_name=f"Thử{break_}rm -rf")
    assert text.isprintable()
    typed = list(typing.keys([typing.Block(field="full_name", text=text, tabs=1)]))
    assert typed == [text, None]


def test_marks_that_stand_apart_become_one_letter_with_their_letter() -> None:
    assert one(TypedField(field="full_name"), full_name="Nguye\u0302\u0303n") == "Nguyễn"


def test_only_texts_and_tabs_are_pressed() -> None:
    pressed = list(typing.keys(typing.blocks(record("v1"), SCREEN)))
    assert pressed == [
        "001303900017",
        None,
        "NGUYỄN THỊ HOÀI THỬ",
        None,
        None,
        "14022003",
        None,
        "Số 1 Đường Mẫu, Phường Mẫu, Hà Nội",
    ]


class Board:
    """A keyboard that remembers; the focus leaves after `stays` looks."""

    def __init__(self, title: str | None = "HIS - Chromium", stays: int = 99) -> None:
        self.title = title
        self.stays = stays
        self.pressed: list[str] = []

    def window(self) -> str | None:
        self.stays -= 1
        return self.title if self.stays >= 0 else "Zalo"

    def text(self, text: str) -> None:
        self.pressed.append(text)

    def tab(self) -> None:
        self.pressed.append("Tab")

    def close(self) -> None:
        pass


def test_nothing_more_is_typed_once_the_focus_is_elsewhere() -> None:
    board = Board(stays=3)
    with pytest.raises(TypingImpossible) as refused:
        keyboard.press(board, ["a", None, "b", None], "HIS")
    assert refused.value.data == {"why": "wrong_window"}
    assert board.pressed == ["a", "Tab"]


def test_a_desktop_that_tells_no_window_is_typed_into() -> None:
    board = Board(title=None)
    assert keyboard.press(board, ["a", None], "HIS") == 1
    assert board.pressed == ["a", "Tab"]


@pytest.mark.parametrize(
    ("environment", "method"),
    [
        ({}, None),
        ({"XMODIFIERS": "@im=none"}, None),
        ({"XMODIFIERS": "@im=ibus"}, "ibus"),
        ({"GTK_IM_MODULE": "fcitx"}, "fcitx"),
        ({"QT_IM_MODULE": "unikey"}, "unikey"),
    ],
)
def test_an_input_method_that_may_mangle_is_named(environment: dict[str, str], method: str | None) -> None:
    assert keyboard.input_method(environment) == method


def test_a_machine_without_a_desktop_says_so() -> None:
    with pytest.raises(TypingImpossible) as refused:
        keyboard.keyboard(12, {})
    assert refused.value.data == {"why": "no_display"}


def test_texts_go_in_by_standard_input_never_as_arguments(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = "wtype"
    log = tmp_path / "log"
    script = tmp_path / program
    script.write_text(f'#!/bin/sh\necho "$@" >>{log}\n[ "$2" = Tab ] || cat >>{log}\n', "utf-8")
    script.chmod(script.stat().st_mode | stat.S_IEXEC)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    board = keyboard.keyboard(7, {"WAYLAND_DISPLAY": "w"})
    keyboard.press(board, ["Đặng Thử", None])
    lines = log.read_text("utf-8").splitlines()
    assert lines == ["-d 7 -", "Đặng Thử-k Tab"]


class Keys:
    """What xmodmap and xdotool were told; `spare` keys have no letter."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, spare: int) -> None:
        self.typed: list[str] = []
        self.on_keys: set[str] = set()
        self._spare = spare
        monkeypatch.setattr(keyboard, "_run", self)

    def __call__(self, command: list[str], told: str = "") -> str:
        if command == ["xmodmap", "-pke"]:
            return "keycode 38 = a A\n" + "".join(f"keycode {200 + n} =\n" for n in range(self._spare))
        if command[0] == "xmodmap":
            names = [line.split("=")[1].split() for line in told.splitlines()]
            assert len(names) <= self._spare
            self.on_keys = {chr(int(name[0][1:], 16)) for name in names if name}
        else:
            assert all(letter.isascii() or letter in self.on_keys for letter in told)
            self.typed.append(told)
        return ""


@pytest.mark.parametrize("spare", [1, 2, 5, 19, 100])
def test_every_letter_is_on_a_key_before_it_is_typed(spare: int, monkeypatch: pytest.MonkeyPatch) -> None:
    keys = Keys(monkeypatch, spare)
    board = keyboard.Xdotool(12, sleep=lambda _: None)
    texts = ["NGUYỄN THỊ HOÀI THỬ", "001303900017", "Số 1 Đường Mẫu, Phường Mẫu, Hà Nội", "ếềễểệ"]
    keyboard.press(board, texts)
    board.close()
    assert "".join(keys.typed) == "".join(texts)
    assert keys.on_keys == set()


def test_a_keyboard_without_a_spare_key_types_no_wrong_letter(monkeypatch: pytest.MonkeyPatch) -> None:
    keys = Keys(monkeypatch, 0)
    board = keyboard.Xdotool(12, sleep=lambda _: None)
    board.text("001303900017")
    with pytest.raises(TypingImpossible) as refused:
        board.text("Thử")
    assert refused.value.data == {"why": "no_spare_key"}
    assert keys.typed == ["001303900017"]


@contextmanager
def x_server() -> Iterator[str]:
    read, write = os.pipe()
    server = subprocess.Popen(
        ["Xvfb", "-displayfd", str(write), "-screen", "0", "1024x600x24", "-nolisten", "tcp"],
        pass_fds=[write],
        stderr=subprocess.DEVNULL,
    )
    os.close(write)
    with os.fdopen(read) as told:
        number = told.readline().strip()
    try:
        yield f":{number}"
    finally:
        server.terminate()
        server.wait(10)


FORM = """<!doctype html><meta charset=utf-8><title>HIS</title><form onsubmit="document.title='saved';return false">
<input id=a autofocus><input id=b><input id=skip><input id=c><input id=d><button>Lưu</button></form>"""


@pytest.mark.skipif(
    not all(map(shutil.which, ("Xvfb", "xdotool", "xmodmap"))), reason="no Xvfb, xdotool or xmodmap (`make setup-test`)"
)
def test_a_real_window_gets_each_text_in_its_field_and_is_not_saved(
    chromium: Browser, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    page_file = tmp_path / "form.html"
    page_file.write_text(FORM, "utf-8")
    token = tmp_path / "token"
    port_file = tmp_path / "profile" / "DevToolsActivePort"
    with (
        x_server() as display,
        running(tmp_path, origins=(), offer="at_once", screens={"dang-ky": SCREEN}) as agent,
    ):
        environment = {**os.environ, "DISPLAY": display, "WAYLAND_DISPLAY": ""}
        window = subprocess.Popen(
            ["/usr/bin/chromium", "--no-sandbox", "--disable-gpu", "--no-first-run", "--kiosk",
             f"--user-data-dir={port_file.parent}", "--remote-debugging-port=0", page_file.as_uri()],
            env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        try:
            eventually(port_file.exists)
            port = eventually(lambda: port_file.read_text().split("\n")[0])
            tab = chromium.browser_type.connect_over_cdp(f"http://127.0.0.1:{port}").contexts[0].pages[0]
            tab.wait_for_selector("#a:focus")
            monkeypatch.setenv("DISPLAY", display)
            eventually(lambda: "HIS" in keyboard.Xdotool(0).window())
            agent.put(record("v1"))
            command = [sys.executable, "-m", "tiepdon.main", "agent", "type", "--url", f"http://127.0.0.1:{agent.port}",
                       "--token-file", str(token), "--pair", agent.code(), "--after", "0"]  # fmt: skip
            done = subprocess.run(command, env=environment, capture_output=True, text=True)
            assert done.returncode == 0, done.stderr
            values = {name: tab.input_value(f"#{name}") for name in ("a", "b", "skip", "c", "d")}
            assert values == {
                "a": "001303900017",
                "b": "NGUYỄN THỊ HOÀI THỬ",
                "skip": "",
                "c": "14022003",
                "d": "Số 1 Đường Mẫu, Phường Mẫu, Hà Nội",
            }
            assert tab.title() == "HIS"
            assert agent.told("v1").state is State.ACKNOWLEDGED
            assert stat.S_IMODE(token.stat().st_mode) == 0o600
        finally:
            window.terminate()
            window.wait(10)
