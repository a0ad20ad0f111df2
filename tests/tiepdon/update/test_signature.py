"""What minisign's own program signed is taken, and nothing else."""

import subprocess
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.tiepdon.update.publisher import Publisher
from tiepdon.update.signature import KeyUnknown, SignatureMissing, SignatureWrong, parse, public_key, verify

CONTENT = "Tiếp Đón 0.2.0".encode()


@pytest.fixture(scope="module")
def publisher(tmp_path_factory: pytest.TempPathFactory) -> Publisher:
    return Publisher.new(tmp_path_factory.mktemp("publisher") / "keys")


def signed(publisher: Publisher, folder: Path, *more: str) -> bytes:
    (folder / "content").write_bytes(CONTENT)
    publisher.sign(folder / "content", *more)
    return (folder / "content.minisig").read_bytes()


@pytest.mark.parametrize("more", [(), ("-H",), ("-l",)])
def test_what_minisign_signs_is_taken_with_its_trusted_comment(
    publisher: Publisher, tmp_path: Path, more: tuple[str, ...]
) -> None:
    try:
        signature = signed(publisher, tmp_path, *more)
    except subprocess.CalledProcessError:
        pytest.skip(f"this minisign has no {more[0]}")
    assert verify(CONTENT, parse(signature), [publisher.public]) == "tiepdon release"


def test_any_bit_changed_in_what_was_signed_is_noticed(publisher: Publisher, tmp_path: Path) -> None:
    signature = parse(signed(publisher, tmp_path))
    for place in range(len(CONTENT)):
        changed = bytearray(CONTENT)
        changed[place] ^= 1
        with pytest.raises(SignatureWrong):
            verify(bytes(changed), signature, [publisher.public])


def test_a_changed_comment_is_noticed(publisher: Publisher, tmp_path: Path) -> None:
    signature = signed(publisher, tmp_path).replace(b"tiepdon release", b"tiepdon rollout")
    with pytest.raises(SignatureWrong):
        verify(CONTENT, parse(signature), [publisher.public])


def test_a_key_nobody_named_signs_nothing(publisher: Publisher, tmp_path: Path) -> None:
    other = Publisher.new(tmp_path / "other")
    with pytest.raises(KeyUnknown) as refused:
        verify(CONTENT, parse(signed(other, tmp_path)), [publisher.public])
    assert str(refused.value.data["signed_by"]) in (tmp_path / "other/key.pub").read_text("ascii")
    with pytest.raises(KeyUnknown):
        verify(CONTENT, parse(signed(publisher, tmp_path)), [])


def test_a_key_is_named_as_minisign_names_it_also_where_its_number_is_short(
    publisher: Publisher, tmp_path: Path
) -> None:
    signature = replace(parse(signed(publisher, tmp_path)), identifier=bytes.fromhex("efcdab8967452300"))
    with pytest.raises(KeyUnknown) as refused:
        verify(CONTENT, signature, [publisher.public])
    assert refused.value.data["signed_by"] == "23456789ABCDEF"


def test_one_of_several_keys_is_enough(publisher: Publisher, tmp_path: Path) -> None:
    other = Publisher.new(tmp_path / "other")
    assert verify(CONTENT, parse(signed(other, tmp_path)), [publisher.public, other.public])


@given(st.binary(max_size=400))
def test_no_bytes_are_a_signature_by_chance(content: bytes) -> None:
    with pytest.raises(SignatureMissing):
        parse(content)


@pytest.mark.parametrize("text", ["", "RWQ", "A" * 56, "not base64 at all !"])
def test_what_is_no_key_is_told(text: str) -> None:
    with pytest.raises(KeyUnknown):
        public_key(text)
