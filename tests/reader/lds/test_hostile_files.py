"""Every parser of a file against whatever a card may send: a result or CardBroken, in bounded time and memory."""

import time
import tracemalloc
from collections.abc import Callable
from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reader import tlv
from reader.errors import CardBroken
from reader.lds import com, dg1, dg2, dg7, dg11, dg12, dg13
from tests.reader.lds.vectors import DG13_A, JP2, JPEG, PASSPORT, dg2_of, face, field, record, template, text

LARGEST = 64 << 10
SECONDS = 1.0  # of processor time, for one file; the slowest takes a twentieth of it
MEMORY = 16 << 20  # bytes, for one file of 64 kB

PARSERS: dict[int, Callable[[bytes], object]] = {
    0x60: com.parse,
    0x61: dg1.parse,
    0x67: dg7.parse,
    0x6B: dg11.parse,
    0x6C: dg12.parse,
    0x6D: dg13.parse,
    0x75: dg2.parse,
}
TAGS = [0x02, 0x04, 0x06, 0x0C, 0x30, 0x31, 0xA0, 0xA1, 0x5F0E, 0x5F1F, 0x5F2E, 0x5F43, 0x65, 0x7F2E, 0x7F60, 0x7F61]


def outcome(parse: Callable[[bytes], object], data: bytes) -> None:
    """Parse within the bounds of time."""
    began = time.process_time()
    with suppress(CardBroken):
        parse(data)
    assert time.process_time() - began < SECONDS


def walked(data: bytes) -> None:
    for _ in tlv.walk(tlv.read_all(data, "t"), "t"):
        pass


def nested(tags: list[int], inner: bytes, size: int) -> bytes:
    """`inner` in as many frames as fit, built from the inside with one join, so that making it costs nothing."""
    headers: list[bytes] = []
    length, at = len(inner), 0
    while length < size:
        header = tlv.encode(tags[at % len(tags)], b"")[:-1]
        digits = length.to_bytes(3, "big")
        headers.append(header + (bytes([length]) if length < 0x80 else b"\x83" + digits))
        length += len(headers[-1])
        at += 1
    return b"".join(reversed(headers)) + inner


def repeated(unit: bytes, size: int) -> bytes:
    return unit * (size // len(unit))


CONTENT = st.one_of(
    st.binary(max_size=400),
    st.builds(repeated, st.binary(min_size=1, max_size=24), st.integers(0, LARGEST)),
    st.builds(
        nested, st.lists(st.sampled_from(TAGS), min_size=1, max_size=4), st.binary(max_size=40), st.integers(0, LARGEST)
    ),
    st.builds(
        lambda objects, size: repeated(b"".join(tlv.encode(*one) for one in objects), size),
        st.lists(st.tuples(st.sampled_from(TAGS), st.binary(max_size=40)), min_size=1, max_size=4),
        st.integers(0, LARGEST),
    ),
    st.builds(
        lambda at, value: DG13_A[:at] + bytes([value]) + DG13_A[at + 1 :], st.integers(0, 424), st.integers(0, 255)
    ),
)


@pytest.mark.parametrize("tag", PARSERS)
@settings(deadline=None, max_examples=150)
@given(content=CONTENT)
def test_whatever_a_file_holds_it_is_read_or_refused_in_time(tag, content):
    outcome(PARSERS[tag], content)
    outcome(PARSERS[tag], tlv.encode(tag, content))


@settings(deadline=None, max_examples=150)
@given(content=CONTENT)
def test_whatever_is_walked_ends_in_time(content):
    outcome(walked, content)


@settings(deadline=None, max_examples=150)
@given(content=CONTENT)
def test_whatever_a_facial_record_holds_it_is_read_or_refused_in_time(content):
    for block in (content, b"FAC\0" + content, record(content, content), face(content)):
        for kind in (0x5F2E, 0x7F2E):
            outcome(dg2.parse, dg2_of(template(block, kind)))


WORST = {
    "nested ten thousand deep": nested([0x30], text("x"), LARGEST),
    "nested as a field": tlv.encode(0x30, field(2, nested([0x30], text("x"), LARGEST))),
    "nested with indefinite lengths": bytes.fromhex("3080") * (LARGEST // 2),
    "claims of 64 kB inside each other": bytes.fromhex("3082FFFF") * (LARGEST // 4),
    "claims of 4 GB": bytes.fromhex("3084FFFFFFFF") * (LARGEST // 6),
    "nothing but empty objects": bytes.fromhex("0C00") * (LARGEST // 2),
    "nothing but empty sequences": bytes.fromhex("3000") * (LARGEST // 2),
    "four thousand fields": field(13, text("Mẹ")) * 4096,
    "as many fields as fit": field(2, text("a")) * (LARGEST // 8),
    "one field of texts": field(13, text("a") * 4000),
    "one text": field(9, text("ễ" * (LARGEST // 3))),
    "combining marks": field(9, text("a" + "\u0323\u0302" * (LARGEST // 4))),
    "control characters": field(9, text("\x01" * 60_000)),
    "templates": repeated(template(record(face(JPEG))), LARGEST),
    "faces": record(*[face(b"\xff\xd8\xff")] * 1200),
    "segments": b"\xff\xd8\xff" + bytes.fromhex("E10002FF") * (LARGEST // 4),
    "boxes": JP2[:12] + bytes.fromhex("0000000866726565") * (LARGEST // 8),
    "zones": tlv.encode(0x5F1F, PASSPORT.encode()) * 600,
    "fillers": tlv.encode(0x5F1F, b"<" * LARGEST),
}  # fmt: skip


@pytest.mark.parametrize("name", WORST)
def test_the_worst_files_cost_little_memory_and_time(name):
    content = WORST[name]
    for tag, parse in PARSERS.items():
        for data in (content, tlv.encode(tag, content), tlv.encode(tag, tlv.encode(0x7F61, content))):
            outcome(parse, data)
            tracemalloc.start()
            with suppress(CardBroken):
                parse(data)
            _, peak = tracemalloc.get_traced_memory()
            tracemalloc.stop()
            assert peak < MEMORY, (tag, peak)
    outcome(walked, content)
