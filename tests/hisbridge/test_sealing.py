"""Sealing: nothing opens but under its own key and at its own place, and a key file that is no key is refused."""

import base64
import logging
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hisbridge.sealing import Sealer, Unreadable, sealer
from wire.keys import KeyExposed, KeyMissing, KeyUnusable, read_key

KEY = bytes(range(32))


def written(folder: Path, content: bytes) -> Path:
    path = folder / "key"
    path.write_bytes(content)
    path.chmod(0o600)
    return path


def test_what_was_sealed_opens_again() -> None:
    seals = Sealer(KEY)
    assert seals.open(seals.seal(b"Nguy\xe1\xbb\x85n", "here"), "here") == b"Nguy\xe1\xbb\x85n"


def test_the_same_content_is_never_sealed_alike() -> None:
    seals = Sealer(KEY)
    assert len({seals.seal(b"same", "here") for _ in range(200)}) == 200


@given(content=st.binary(max_size=300), where=st.integers(min_value=0), bit=st.integers(0, 7))
def test_one_changed_bit_anywhere_and_it_stays_shut(content: bytes, where: int, bit: int) -> None:
    seals = Sealer(KEY)
    sealed = bytearray(seals.seal(content, "here"))
    sealed[where % len(sealed)] ^= 1 << bit
    with pytest.raises(Unreadable):
        seals.open(bytes(sealed), "here")


@given(junk=st.binary(max_size=64))
def test_junk_stays_shut(junk: bytes) -> None:
    with pytest.raises(Unreadable):
        Sealer(KEY).open(junk, "here")


@pytest.mark.parametrize("length", range(0, 33))
def test_what_was_cut_short_stays_shut(length: int) -> None:
    seals = Sealer(KEY)
    with pytest.raises(Unreadable):
        seals.open(seals.seal(b"1234", "here")[:length], "here")


def test_another_place_or_another_key_stays_shut() -> None:
    sealed = Sealer(KEY).seal(b"content", "here")
    with pytest.raises(Unreadable):
        Sealer(KEY).open(sealed, "there")
    with pytest.raises(Unreadable):
        Sealer(bytes(range(1, 33))).open(sealed, "here")


def test_a_name_depends_on_every_part_and_on_the_key() -> None:
    seals = Sealer(KEY)
    lists = [
        ["a", "b"],
        ["b", "a"],
        ["ab"],
        ["a", None, "b"],
        ["a", "None", "b"],
        ["a", "", "b"],
        ['a","b'],
        ["\ud800"],
    ]
    names = [seals.name(parts) for parts in lists]
    assert len(set(names)) == len(names)
    assert names == [Sealer(KEY).name(parts) for parts in lists]
    assert names[0] != Sealer(bytes(range(1, 33))).name(lists[0])


@pytest.mark.parametrize(
    "content",
    [
        KEY,
        KEY.hex().encode(),
        KEY.hex().upper().encode() + b"\r\n",
        base64.b64encode(KEY),
        base64.b64encode(KEY) + b"\n",
        base64.b64encode(KEY).rstrip(b"="),
        base64.urlsafe_b64encode(KEY),
        b"\xef\xbb\xbf" + base64.b64encode(KEY) + b"\n",
    ],
)
def test_a_key_is_read_raw_and_as_hex_and_as_base64(tmp_path: Path, content: bytes) -> None:
    assert read_key(written(tmp_path, content)) == KEY


def test_both_alphabets_of_base64_are_read(tmp_path: Path) -> None:
    key = bytes(range(224, 256))
    assert read_key(written(tmp_path, base64.urlsafe_b64encode(key))) == key
    assert read_key(written(tmp_path, base64.b64encode(key))) == key


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\n",
        b"secret",
        b"abcdefghijklmnopqrstuvwxyz012345",  # 32 letters are no 32 random bytes
        KEY[:31] + b"\xff" * 2,
        bytes(range(200, 231)),
        KEY.hex().encode()[:-2],
        base64.b64encode(KEY[:-1]),
        base64.b64encode(KEY * 2),
        bytes(32),
        b"00" * 32,
        b"A" * 43 + b"=",
        os.urandom(5000),
    ],
)
def test_what_is_no_key_is_refused_without_being_shown(
    tmp_path: Path, content: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG), pytest.raises(KeyUnusable) as refused:
        read_key(written(tmp_path, content))
    shown = repr(refused.value) + str(refused.value) + caplog.text
    assert not content.strip() or content.strip().decode("latin-1") not in shown


def test_a_missing_key_file_is_told_from_a_bad_one(tmp_path: Path) -> None:
    for path in (tmp_path / "none", tmp_path, Path("\0")):
        with pytest.raises(KeyMissing):
            read_key(path)


@pytest.mark.parametrize("mode", [0o644, 0o604, 0o602, 0o620, 0o666])
def test_a_key_that_others_could_read_or_change_is_refused_and_left_as_it_is(tmp_path: Path, mode: int) -> None:
    path = written(tmp_path, KEY)
    path.chmod(mode)
    with pytest.raises(KeyExposed):
        sealer(str(path))
    assert path.stat().st_mode & 0o777 == mode


@pytest.mark.parametrize("mode", [0o400, 0o440, 0o600, 0o640])
def test_a_key_as_systemd_hands_it_out_is_read(tmp_path: Path, mode: int) -> None:
    path = written(tmp_path, KEY)
    path.chmod(mode)
    assert read_key(path) == KEY


def test_without_a_file_every_process_has_its_own_key(tmp_path: Path) -> None:
    with pytest.raises(Unreadable):
        sealer("").open(sealer("").seal(b"content", "here"), "here")
    path = str(written(tmp_path, KEY))
    assert sealer(path).open(sealer(path).seal(b"content", "here"), "here") == b"content"


def test_no_key_shows_itself() -> None:
    assert KEY.hex() not in repr(Sealer(KEY))
    assert repr(KEY) not in repr(Sealer(KEY))
