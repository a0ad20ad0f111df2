"""What is read of a release before anything is installed, and a line that drops while it is brought."""

import json
import os
import random
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path

import pytest

from hisbridge.http import Poster
from tests.tiepdon.update.publisher import Publisher
from tiepdon.update.fetching import PIECE, NotFetched, Server
from tiepdon.update.release import (
    NoRelease,
    NotForThisMachine,
    NotYet,
    PackageWrong,
    check_package,
    package_for,
    read_release,
)
from tiepdon.update.signature import SignatureMissing, SignatureWrong
from wire.server import Request, Response, serving

DAY = date(2026, 11, 23)


@pytest.fixture(scope="module")
def publisher(tmp_path_factory: pytest.TempPathFactory) -> Publisher:
    return Publisher.new(tmp_path_factory.mktemp("publisher") / "keys")


@pytest.fixture
def stick(publisher: Publisher, tmp_path: Path) -> Path:
    # Of some pieces: what is random cannot be packed much smaller.
    text = "".join(map(chr, random.Random(1).choices(range(33, 127), k=3 * PIECE)))  # noqa: S311
    return publisher.release(tmp_path / "stick", "1.1", {"usr/lib/tiepdon/state": text})


def test_a_release_without_list_or_signature_is_told_apart(publisher: Publisher, stick: Path, tmp_path: Path) -> None:
    with pytest.raises(NoRelease):
        read_release(tmp_path / "nothing", [publisher.public])
    (stick / "release.json.minisig").unlink()
    with pytest.raises(SignatureMissing):
        read_release(stick, [publisher.public])


def test_nothing_of_a_list_is_believed_before_its_signature(publisher: Publisher, stick: Path) -> None:
    for content in (b"", b"[" * 60_000, b"{}", (stick / "release.json").read_bytes() + b" "):
        (stick / "release.json").write_bytes(content)
        with pytest.raises(SignatureWrong):
            read_release(stick, [publisher.public])


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("version", "../../etc"),
        ("version", ""),
        ("packages", {"amd64": {"file": "../x.deb", "size": 1, "sha256": "0" * 64}}),
    ],
)
def test_a_signed_list_of_another_shape_is_refused(publisher: Publisher, stick: Path, key: str, value: object) -> None:
    told = json.loads((stick / "release.json").read_text("utf-8"))
    (stick / "release.json").write_text(json.dumps(told | {key: value}), "utf-8")
    publisher.sign(stick / "release.json")
    with pytest.raises(NoRelease):
        read_release(stick, [publisher.public])


def test_a_ring_takes_a_release_from_its_own_day_on(publisher: Publisher, tmp_path: Path) -> None:
    rings = {"first": "2026-11-20", "all": "2026-11-30"}
    folder = publisher.release(tmp_path / "ringed", "1.1", {"usr/x": "y"}, rings=rings)
    release = read_release(folder, [publisher.public])
    assert package_for(release, "amd64", "first", DAY)
    for ring in ("all", "other"):
        with pytest.raises(NotYet):
            package_for(release, "amd64", ring, DAY)
    with pytest.raises(NotForThisMachine):
        package_for(release, "riscv64", "first", DAY)


def test_a_package_that_was_cut_or_changed_is_refused(publisher: Publisher, stick: Path) -> None:
    package = read_release(stick, [publisher.public]).packages["amd64"]
    file = check_package(stick, package)
    content = file.read_bytes()
    for other in (content[:-1], content + b"x", content[:-1] + bytes([content[-1] ^ 1]), b""):
        file.write_bytes(other)
        with pytest.raises(PackageWrong):
            check_package(stick, package)


class Mirror:
    """A server with byte ranges; `broken` answers are not given."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.broken = 0
        self.sent = 0

    def answer(self, request: Request) -> Response:
        content = (self.folder / request.path.rpartition("/")[2]).read_bytes()
        wanted = request.headers.get("range", "")
        if not wanted:
            return Response(body=content)
        if self.broken and self.sent:
            self.broken -= 1
            return Response(status=503)
        first, _, last = wanted.removeprefix("bytes=").partition("-")
        piece = content[int(first) : int(last) + 1]
        self.sent += len(piece)
        return Response(status=206, body=piece)


@contextmanager
def mirror(folder: Path) -> Iterator[tuple[Mirror, Server]]:
    played = Mirror(folder)
    routes = {("GET", f"/r/{file.name}"): played.answer for file in folder.iterdir() if file.is_file()}
    with serving(("127.0.0.1", 0), routes) as (host, port):  # type: ignore[misc]  # a TCP address
        yield played, Server(f"http://{host}:{port}/r/", Poster(4 << 20), time.monotonic, lambda _: None)


def test_a_release_is_brought_whole_and_the_progress_is_told(publisher: Publisher, stick: Path, tmp_path: Path) -> None:
    told: list[tuple[int, int]] = []
    with mirror(stick) as (_, server):
        release = server.release(tmp_path / "here", [publisher.public])
        package = release.packages["amd64"]
        file = server.package(tmp_path / "here", package, lambda *seen: told.append(seen))
    assert file.read_bytes() == (stick / package.file).read_bytes()
    assert told[-1] == (package.size, package.size)
    assert len(told) > 2


@pytest.mark.parametrize("name", ["release.json", "release.json.minisig", "tiepdon_1.1_all.deb"])
@pytest.mark.parametrize("what", ["pipe", "link", "folder", "device"])
def test_what_is_no_file_on_a_stick_is_none_and_holds_up_nobody(
    publisher: Publisher, stick: Path, name: str, what: str
) -> None:
    """A stick with a file system of Linux may hold anything, and root reads it: a pipe would be waited for for ever."""
    there = stick / name
    there.rename(stick / "aside")
    if what == "pipe":
        os.mkfifo(there)
    elif what == "link":
        there.symlink_to("aside")
    elif what == "folder":
        there.mkdir()
    else:
        there.symlink_to("/dev/zero")
    with pytest.raises((NoRelease, SignatureMissing, PackageWrong)):
        check_package(stick, read_release(stick, [publisher.public]).packages["amd64"])


def test_a_line_that_drops_goes_on_where_it_stopped(publisher: Publisher, stick: Path, tmp_path: Path) -> None:
    with mirror(stick) as (played, server):
        release = server.release(tmp_path / "here", [publisher.public])
        package = release.packages["amd64"]
        played.broken = 1
        with pytest.raises(NotFetched):
            server.package(tmp_path / "here", package, lambda *_: None)
        server.package(tmp_path / "here", package, lambda *_: None)
        assert played.sent == package.size


def test_a_server_that_sends_something_else_is_found_out_and_begun_anew(
    publisher: Publisher, stick: Path, tmp_path: Path
) -> None:
    with mirror(stick) as (played, server):
        release = server.release(tmp_path / "here", [publisher.public])
        package = release.packages["amd64"]
        good = (stick / package.file).read_bytes()
        (stick / package.file).write_bytes(bytes(len(good)))
        with pytest.raises(PackageWrong):
            server.package(tmp_path / "here", package, lambda *_: None)
        (stick / package.file).write_bytes(good)
        assert server.package(tmp_path / "here", package, lambda *_: None).read_bytes() == good
        assert played.sent == 2 * package.size
