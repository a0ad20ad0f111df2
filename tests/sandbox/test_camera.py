"""The sandbox's camera: pictures at a socket, of what is shown now, cheap while nothing moves, and codes that read."""

import os
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest
import zxingcpp

from reader.optical.live.jpeg import Splitter
from sandbox.camera import Camera, camera
from sandbox.people import all_people, find, qr_text
from sandbox.view import RISING, SWAYING, View, empty, view_of
from tests.support.waiting import wait_until

PEOPLE = [pytest.param(person, id=person.key) for person in all_people()]


@pytest.fixture
def place(run_dir: Path) -> Path:
    return run_dir / "camera"


@pytest.fixture
def eye(place: Path) -> Iterator[Camera]:
    with camera(place) as made:
        yield made


def watching(place: Path) -> Iterator[bytes]:
    """The pictures as the product takes them from the socket."""
    splitter = Splitter()
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        connection.settimeout(10)
        connection.connect(str(place))
        while received := connection.recv(1 << 16):
            yield from splitter.feed(received)


def codes_in(picture: bytes) -> list[str]:
    grey = cv2.imdecode(np.frombuffer(picture, np.uint8), cv2.IMREAD_GRAYSCALE)
    return [code.text for code in zxingcpp.read_barcodes(grey, formats=zxingcpp.BarcodeFormat.QRCode)]


def test_what_is_shown_is_seen_by_everybody_who_looks(eye: Camera, place: Path) -> None:
    for person in (find("mau"), find("dia-chi-dai")):
        eye.show(view_of(person, "front", False))
        for _ in range(2):
            assert any(
                codes_in(picture) == [qr_text(person)] for picture, _ in zip(watching(place), range(40), strict=False)
            )


def test_nothing_is_left_of_a_card_that_was_taken_away(eye: Camera, place: Path) -> None:
    eye.show(view_of(find("mau"), "front", False))
    pictures = watching(place)
    assert any(codes_in(picture) for picture in pictures)
    eye.clear()
    assert any(picture == empty().jpeg(0) for picture, _ in zip(pictures, range(40), strict=False))
    assert next(watching(place)) == empty().jpeg(0)


@pytest.mark.parametrize("person", PEOPLE)
def test_a_code_is_on_one_face_only_and_a_worn_one_on_none(person) -> None:
    with_code, without = ("front", "back") if person.generation == 2021 else ("back", "front")
    assert codes_in(view_of(person, with_code, False).jpeg(RISING)) == [qr_text(person)]
    assert codes_in(view_of(person, "phone", False).jpeg(RISING)) == [qr_text(person)]
    assert codes_in(view_of(person, without, False).jpeg(RISING)) == []
    assert codes_in(view_of(person, with_code, True).jpeg(RISING)) == []


def test_a_hand_is_not_quite_still_and_its_pictures_are_made_once() -> None:
    view = view_of(find("thu"), "front", False)
    first = [view.jpeg(number) for number in range(RISING + SWAYING)]
    assert len(set(first)) == RISING + SWAYING
    assert [view.jpeg(number + SWAYING) for number in range(RISING, RISING + SWAYING)] == first[RISING:]
    assert view.jpeg(10**9) in first


def test_an_empty_desk_costs_next_to_nothing(eye: Camera, place: Path) -> None:
    pictures = watching(place)
    next(pictures)
    begun, spent = time.monotonic(), time.process_time()
    seen = [next(pictures) for _ in range(10)]
    elapsed, spent = time.monotonic() - begun, time.process_time() - spent
    assert len(set(seen)) == 1
    assert elapsed > 1.5  # five a second
    assert spent < 0.1 * elapsed


def test_while_nobody_looks_no_picture_is_made(place: Path) -> None:
    class Untouched(View):
        def jpeg(self, number: int) -> bytes:
            raise AssertionError(number)

    with camera(place) as eye:
        eye.show(Untouched())
    assert not place.exists()


def test_its_end_ends_every_stream(place: Path) -> None:
    seen: list[bytes] = []
    with camera(place):
        following = threading.Thread(target=lambda: seen.extend(watching(place)), daemon=True)
        following.start()
        wait_until(lambda: len(seen) > 0, 10, "a picture")
    following.join(10)
    assert not following.is_alive()


def test_a_socket_left_by_a_killed_world_is_taken_over(place: Path) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as left:
        left.bind(str(place))
    assert place.exists()
    with camera(place):
        assert next(watching(place)) == empty().jpeg(0)
    assert not os.path.lexists(place)
