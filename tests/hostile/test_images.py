"""Image files crafted against `tiepdon scan image`: each gets a line with a reason, none takes more than a little time
and memory, and the files behind it are read.
"""

import json
import os
import random
import subprocess
import sys
from collections.abc import Iterator
from datetime import date
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reader.optical.still import StillReader
from tests.hostile.images import FILES
from tests.support.stills import CARD, qr, saved
from tiepdon.commands.scan_image import Terminal, run_image

MOST_MEMORY = 400 << 20  # bytes resident, of the command or its decoder
MOST_SECONDS = 25.0  # of processor time for all of FILES together
WEIGH = Path(__file__).with_name("weigh.py")
COMMAND = [sys.executable, "-m", "tiepdon.main", "scan", "image"]
KINDS = ("JPEG", "PNG", "GIF", "BMP", "TIFF", "PPM", "WEBP")
BEGINNINGS = [saved(qr(scale=1), kind)[:size] for kind in KINDS for size in (4, 12, 30, 200)]


def scan(folder: Path, files: list[Path]) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """The lines of one run over the files, and what it cost with its decoder."""
    told = folder / "told"
    done = subprocess.run(
        [sys.executable, "-I", WEIGH, told, *COMMAND, *files], capture_output=True, timeout=110, check=False
    )
    assert done.stderr == b""
    return [json.loads(line) for line in done.stdout.splitlines()], json.loads(told.read_text(encoding="ascii"))


def test_bombs_and_liars_get_their_reason_and_cost_little(tmp_path: Path) -> None:
    files = [tmp_path / f"{number}.png" for number in range(len(FILES))]
    for file, (make, _) in zip(files, FILES.values(), strict=True):
        file.write_bytes(make())
    good = tmp_path / "good.png"
    good.write_bytes(saved(qr(), "PNG"))
    lines, cost = scan(tmp_path, [*files, good])
    assert [line["file"] for line in lines] == [str(file) for file in (*files, good)]
    assert lines[-1]["text"] == CARD
    told = {name: line["reason"] for name, line in zip(FILES, lines, strict=False)}
    assert {name: reason for name, reason in told.items() if reason not in FILES[name][1]} == {}
    assert all(line["text"] is None for line in lines[:-1])
    assert cost["code"] == 1
    assert cost["memory"] < MOST_MEMORY
    assert cost["seconds"] < MOST_SECONDS


def mangled() -> Iterator[bytes]:
    """Files of every format cut off at every sixteenth, and with some bits turned: the same in every run."""
    chance = random.Random(4)  # noqa: S311
    for kind in KINDS:
        whole = saved(qr(scale=8).convert("RGB"), kind)
        yield from (whole[: len(whole) * part // 16] for part in range(16))
        for count in (1, 1, 1, 2, 4, 8, 16, 32) * 3:
            data = bytearray(whole)
            for _ in range(count):
                # Half of them where the sizes and offsets stand.
                at = chance.randrange(min(len(data), chance.choice((64, len(data)))))
                data[at] ^= 1 << chance.randrange(8)
            yield bytes(data)


def test_a_mangled_image_is_read_exactly_or_refused(tmp_path: Path) -> None:
    files = []
    for number, data in enumerate(mangled()):
        files.append(tmp_path / f"{number}.jpg")
        files[-1].write_bytes(data)
    lines, cost = scan(tmp_path, files)
    assert [line["file"] for line in lines] == [str(file) for file in files]
    assert {line["text"] for line in lines} == {CARD, None}
    reasons = {line["reason"] for line in lines if line["text"] is None}
    assert reasons <= {"image.no_code", "image.damaged", "image.not_an_image", "image.empty", "image.too_large"}
    assert cost["memory"] < MOST_MEMORY


@pytest.fixture(scope="module")
def still() -> Iterator[StillReader]:
    with StillReader() as reader:
        yield reader


class NoTerminal(BytesIO):
    def isatty(self) -> bool:
        return False


@settings(deadline=None, max_examples=150)
@given(st.binary(max_size=300) | st.builds(bytes.__add__, st.sampled_from(BEGINNINGS), st.binary(max_size=300)))
def test_any_bytes_are_one_line_with_a_reason(still: StillReader, data: bytes) -> None:
    out = BytesIO()
    terminal = Terminal(sys.stderr, "en", lambda: 0.0)
    code = run_image(["-"], still, BytesIO(data), out, terminal, date(2026, 7, 1))
    (line,) = map(json.loads, out.getvalue().splitlines())
    if line["text"] is None:
        assert (line["kind"], line["holder"]) == ("unknown", None)
        assert line["reason"].startswith("image.")
        assert code == (0 if line["reason"] == "image.no_code" else 1)
    else:
        assert (line["text"], code) == (CARD, 0)


def test_a_name_that_is_now_a_file_and_now_a_pipe_holds_nobody_up(tmp_path: Path) -> None:
    """The name is looked at first and opened then; between the two somebody may change what it stands for."""
    name, fifo, file = (tmp_path / each for each in ("name", "fifo", "file"))
    os.mkfifo(fifo)
    file.write_bytes(saved(qr(), "PNG"))
    swap = subprocess.Popen(
        [
            sys.executable,
            "-c",
            "import os, sys\nname, *to = sys.argv[1:]\nwhile True:\n for each in to:\n"
            "  os.symlink(each, name + '.new'); os.replace(name + '.new', name)",
            name,
            fifo,
            file,
        ]
    )
    try:
        lines, _ = scan(tmp_path, [name] * 200)
    finally:
        swap.kill()
        swap.wait()
    assert len(lines) == 200
    assert {line["reason"] for line in lines} <= {None, "image.not_a_file", "image.missing"}
