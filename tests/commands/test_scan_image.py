"""`tiepdon scan image` as its users run it: files in, a line of JSON for each code out."""

import io
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from PIL import Image, ImageOps

from reader.optical.still import StillReader
from reader.reading import Holder
from tests.support.stills import CARD, qr, saved, scene
from tiepdon.commands.scan_image import Terminal, run_image
from tiepdon.commands.scan_text import run_text

COMMAND = [sys.executable, "-m", "tiepdon.main", "scan", "image"]
INSURANCE = "0199900017|5472e1baa76e205468e1bb8b204de1baab75|14/02/2003|2|-|01 - 028|01/01/2025|-|02/01/2025|$"


class Run:
    """One run of the command; nothing stands on standard error, whatever the files are."""

    def __init__(self, *files: str | bytes | Path, stdin: bytes = b"") -> None:
        done = subprocess.run([*COMMAND, *files], input=stdin, capture_output=True, timeout=60, check=False)
        assert done.stderr == b""
        self.code = done.returncode
        self.lines: list[dict[str, Any]] = [json.loads(line) for line in done.stdout.splitlines()]

    @property
    def told(self) -> list[tuple[str, str | None, str | None]]:
        return [(line["file"], line["text"], line["reason"]) for line in self.lines]


Put = Callable[..., str]


@pytest.fixture
def put(tmp_path: Path) -> Put:
    """`put("a.jpg", bytes)` makes a file and gives its name."""

    def make(name: str, content: bytes) -> str:
        path = tmp_path / name
        path.write_bytes(content)
        return str(path)

    return make


def test_a_card_is_one_line_with_the_fields_of_scan_text(put: Put) -> None:
    name = put("card.jpg", saved(scene((qr(), 300, 100)), "JPEG"))
    run = Run(name)
    (line,) = run.lines
    out = io.BytesIO()
    run_text(io.BytesIO(CARD.encode()), out, date(2026, 7, 1))
    as_text = json.loads(out.getvalue())
    assert run.code == 0
    assert line == {"file": name, "text": CARD, **as_text}
    assert list(line) == ["file", "text", *as_text]
    assert list(line["holder"]) == list(Holder.__struct_fields__)
    assert (line["kind"], line["holder"]["full_name"]) == ("citizen_card", "Trần Thị Mẫu")


def test_files_come_in_order_and_their_codes_as_one_reads(put: Put) -> None:
    two = put("two.png", saved(scene((qr(INSURANCE, 3), 700, 40), (qr(CARD, 3), 60, 60)), "PNG"))
    none, one = put("none.png", saved(scene(), "PNG")), put("one.gif", saved(ImageOps.invert(qr()), "GIF"))
    run = Run(two, none, one, two)
    both = [(two, CARD, None), (two, INSURANCE, None)]
    assert (run.code, run.told) == (0, [*both, (none, None, "image.no_code"), (one, CARD, None), *both])
    assert run.lines[1]["insurance"]["card_number"] == "0199900017"
    nothing = run.lines[2]
    assert nothing["kind"] == "unknown"
    assert not any(nothing[key] for key in nothing.keys() - {"file", "kind", "reason"})
    assert list(nothing) == list(run.lines[0])


@pytest.mark.parametrize(
    ("encoded", "shown", "reason"),
    [
        ("Nữ ở Đắk Lắk".encode(), "Nữ ở Đắk Lắk", "payload.unrecognised"),
        (
            CARD.encode("utf-8").replace("ữ".encode(), b"\xff"),
            CARD.encode().replace("ữ".encode(), b"\xff"),
            "payload.damaged",
        ),
        (bytes(range(256)), bytes(range(256)), "payload.damaged"),
        (b"a\0b\r\n\x1b[31m", "a\0b\r\n\x1b[31m", None),
        (b"https://example.org/?q=1", "https://example.org/?q=1", None),
    ],
    ids=["Vietnamese", "one byte that is no UTF-8", "every byte", "control characters", "an address"],
)
def test_a_text_is_told_exactly_as_encoded(put: Put, encoded: bytes, shown: str | bytes, reason: str | None) -> None:
    (line,) = Run(put("code.png", saved(qr(encoded), "PNG"))).lines
    assert line["text"] == (shown if isinstance(shown, str) else shown.decode("latin-1"))
    assert (line["kind"], line["holder"]) == ("unknown", None)
    assert reason in (None, line["reason"])


def test_each_file_that_cannot_be_looked_at_says_why_and_stops_nobody(put: Put, tmp_path: Path) -> None:
    good = put("good.txt", saved(qr(), "PNG"))
    os.mkfifo(tmp_path / "fifo")
    whole = saved(qr(), "PNG")
    huge = tmp_path / "huge.bmp"
    huge.touch()
    os.truncate(huge, 1 << 40)
    files = {
        str(tmp_path / "nothing.jpg"): "image.missing",
        f"{good}/below.jpg": "image.missing",
        "": "image.missing",
        str(tmp_path): "image.not_a_file",
        str(tmp_path / "fifo"): "image.not_a_file",
        "/dev/zero": "image.not_a_file",
        "/dev/stdin": "image.not_a_file",
        put("empty.jpg", b""): "image.empty",
        put("text.png", b"not an image at all"): "image.not_an_image",
        put("page.svg", b"<svg xmlns='http://www.w3.org/2000/svg'/>"): "image.not_an_image",
        put("phone.heic", b"\0\0\0\x18ftypheic\0\0\0\0mif1heic"): "image.not_an_image",
        put("phone.avif", b"\0\0\0\x18ftypavif\0\0\0\0mif1avif"): "image.not_an_image",
        put("scan.pdf", b"%PDF-1.4\n1 0 obj\n"): "image.not_an_image",
        put("half.png", whole[:50]): "image.damaged",
        put("head.png", whole[:20]): "image.damaged",
        str(huge): "image.too_large",
        str(tmp_path / ("x" * 300)): "image.unreadable",
    }
    run = Run(*files, good)
    assert run.told == [(name, None, reason) for name, reason in files.items()] + [(good, CARD, None)]
    assert run.code == 1


@contextmanager
def nobody() -> Iterator[None]:
    """As a user who may not read everything, as root may."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(0)


def test_a_file_that_may_not_be_read_says_so(run_dir: Path) -> None:
    run_dir.chmod(0o755)
    secret, closed, open_to_all = run_dir / "secret.png", run_dir / "closed", run_dir / "open.png"
    closed.mkdir()
    for path in (secret, closed / "inside.png", open_to_all):
        path.write_bytes(saved(qr(), "PNG"))
    secret.chmod(0)
    closed.chmod(0)
    out, files = io.BytesIO(), [str(path) for path in (secret, closed / "inside.png", open_to_all)]
    try:
        with StillReader() as still, nobody():
            silent = Terminal(io.StringIO(), "en", time.monotonic)
            code = run_image(files, still, io.BytesIO(), out, silent, date(2026, 7, 1))
    finally:
        closed.chmod(0o700)
    told = [(line["file"], line["text"], line["reason"]) for line in map(json.loads, out.getvalue().splitlines())]
    refused = "image.not_allowed"
    assert told == [(files[0], None, refused), (files[1], None, refused), (files[2], CARD, None)]
    assert code == 1


def test_standard_input_is_a_file_named_with_a_dash() -> None:
    assert Run("-", stdin=saved(qr(), "WEBP", lossless=True)).told == [("-", CARD, None)]
    assert Run("-", "-", stdin=saved(qr(), "PNG")).told == [("-", CARD, None), ("-", None, "image.empty")]


def test_standard_input_without_end_is_too_large() -> None:
    with Path("/dev/zero").open("rb") as zeros:
        done = subprocess.run([*COMMAND, "-"], stdin=zeros, capture_output=True, timeout=60, check=False)
    assert (done.returncode, json.loads(done.stdout)["reason"]) == (1, "image.too_large")


def test_a_file_name_of_any_bytes_is_told(tmp_path: Path) -> None:
    name = os.fsencode(tmp_path) + b"/\xff\xe1\n\xc3\xa1.png"
    Path(os.fsdecode(name)).write_bytes(saved(qr(), "PNG"))
    (line,) = Run(name).lines
    assert (line["file"], line["text"]) == (f"{tmp_path}/\\xff\\xe1\ná.png", CARD)


def test_of_a_file_cut_off_the_code_is_told_with_a_warning(put: Put) -> None:
    whole = saved(qr(), "PNG")
    (line,) = Run(put("cut.png", whole[:-12])).lines
    assert (line["text"], line["warnings"]) == (CARD, [])
    (line,) = Run(put("broken.png", whole[:-30])).lines
    assert (line["text"], line["warnings"]) == (CARD, ["image.damaged"])


@pytest.mark.parametrize("kind", ["WEBP", "TIFF", "BMP", "GIF", "PPM", "JPEG", "PNG"])
def test_every_kind_of_image_is_read_whatever_its_name_says(put: Put, kind: str) -> None:
    name = put("picture.svg", saved(qr(), kind))
    assert Run(name).told == [(name, CARD, None)]


@pytest.mark.parametrize("kind", ["GIF", "TIFF"])
def test_a_code_on_a_later_frame_or_page_is_found(put: Put, kind: str) -> None:
    third = scene((qr(), 300, 100))
    name = put("frames", saved(scene(), kind, append_images=[Image.new("L", third.size, 90), third]))
    assert Run(name).told == [(name, CARD, None)]


def test_who_gives_no_standard_input_still_gets_an_answer(put: Put) -> None:
    name = put("one.png", saved(qr(), "PNG"))
    done = subprocess.run(
        ["sh", "-c", 'exec "$@" <&-', "sh", *COMMAND, name, "-"], capture_output=True, timeout=60, check=False
    )
    told = [json.loads(line) for line in done.stdout.splitlines()]
    assert (done.returncode, done.stderr) == (1, b"")
    assert [(line["file"], line["text"], line["reason"]) for line in told] == [
        (name, CARD, None),
        ("-", None, "image.empty"),
    ]


def test_each_file_is_answered_before_the_next_is_opened(put: Put, tmp_path: Path) -> None:
    first = put("first.png", saved(qr(), "PNG"))
    with subprocess.Popen([*COMMAND, first, "-"], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        assert json.loads(process.stdout.readline())["text"] == CARD
        process.stdin.write(saved(qr("hai"), "PNG"))
        process.stdin.close()
        assert json.loads(process.stdout.readline())["text"] == "hai"
        assert process.wait(30) == 0


@pytest.mark.parametrize("arguments", [[], ["-x.png"], ["--nothing", "x.png"]])
def test_no_file_is_wrong_usage(arguments: list[str]) -> None:
    assert subprocess.run([*COMMAND, *arguments], capture_output=True, timeout=60, check=False).returncode == 2


def test_a_reader_that_leaves_ends_the_command_quietly(put: Put) -> None:
    name = put("one.png", saved(qr(), "PNG"))
    with subprocess.Popen([*COMMAND, *[name] * 300], stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.readline()
        process.stdout.close()
        assert process.wait(30) == 1
        assert process.stderr.read() == b""


class Screen(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_progress_is_shown_to_who_watches_and_only_after_a_second() -> None:
    now, screen, file = [0.0], Screen(), io.StringIO()
    for stream in (screen, file):
        terminal = Terminal(stream, "en", lambda: now[0])
        for done, at in ((0, 0.0), (1, 0.9), (2, 1.1)):
            now[0] = at
            terminal.progress(done, 3)
            terminal.clear()
        now[0] = 0.0
    assert screen.getvalue() == "\r2/3\r   \r"
    assert file.getvalue() == ""
