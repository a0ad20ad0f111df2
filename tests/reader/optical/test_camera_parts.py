"""What a camera is made of, without one: when to look, whether somebody is there, what the driver offers, where a
picture ends."""

from itertools import cycle

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reader.optical.live import jpeg
from reader.optical.live.cameras import pi_number
from reader.optical.live.frames import GRID, JpegFrame, LumaFrame, luma_of
from reader.optical.live.gate import SETTLE_SECONDS, MotionGate, Settling
from reader.optical.live.v4l2 import Mode, Offer, choose
from reader.optical.live.watching import ACTIVE_SECONDS, GLANCE_SECONDS, STILL_SECONDS, Task, Watching
from reader.optical.pictures import Box, GreyImage
from tests.support import camera as seen

SIZE = (1280, 720)


def small(picture: GreyImage) -> GreyImage:
    found = JpegFrame(seen.jpeg(picture)).small()
    assert found is not None
    assert found.shape == GRID[::-1]
    return found


def changes(pictures: list[GreyImage], seconds: float = GLANCE_SECONDS) -> list[bool]:
    gate = MotionGate()
    return [gate.changed(small(picture), number * seconds) for number, picture in enumerate(pictures)]


# --- is somebody there -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("noise", [0.0, 3.0, 12.0])
def test_a_still_hall_moves_nothing_however_noisy_the_camera(noise: float) -> None:
    assert not any(changes([seen.scene(*SIZE, noise=noise, seed=seed) for seed in range(8)]))


@pytest.mark.parametrize("step", [-0.02, 0.02, 0.06])
def test_light_that_grows_or_fades_moves_nothing(step: float) -> None:
    assert not any(changes([seen.scene(*SIZE, light=0.7 + step * number, seed=number) for number in range(8)]))


def test_lamps_that_draw_bands_move_nothing() -> None:
    rows = np.arange(SIZE[1])[:, None]
    bands = [1 + 0.15 * np.sin(rows / 90 + phase) for phase in (0.0, 1.3, 2.9, 4.0, 5.5)]
    halls = [seen.scene(*SIZE, seed=seed) for seed in range(5)]
    assert not any(
        changes([(hall * band).clip(0, 255).astype(np.uint8) for hall, band in zip(halls, bands, strict=True)])
    )


@pytest.mark.parametrize("light", [0.3, 1.0])
@pytest.mark.parametrize("noise", [3.0, 12.0])
def test_a_card_that_comes_into_view_moves_something(light: float, noise: float) -> None:
    card = np.full((110, 170), int(180 * light), np.uint8)  # at arm's length
    for left, top in ((0, 0), (600, 300), (1100, 600)):
        empty = seen.scene(*SIZE, light, noise)
        assert changes([empty, empty, seen.held(seen.scene(*SIZE, light, noise, 2), card, left, top)])[-1]


def test_a_phone_that_fills_the_view_moves_something() -> None:
    code = cv2.resize(seen.qr("0" * 60, 8), SIZE, interpolation=cv2.INTER_NEAREST)
    assert changes([seen.scene(*SIZE), seen.scene(*SIZE), code])[-1]


def test_what_stays_becomes_part_of_the_scene() -> None:
    thing = seen.held(seen.scene(*SIZE), np.full((200, 200), 240, np.uint8), 500, 300)
    told = changes([seen.scene(*SIZE), *[thing] * 60])
    assert told[1]
    assert not told[-1]


def test_a_camera_that_seeks_its_exposure_is_not_trusted_until_it_found_it() -> None:
    settling = Settling(0.0)
    grey = [np.full((27, 48), level, np.uint8) for level in (2, 2, 2, 40, 90, 160, 140, 141, 140)]
    assert [settling.over(picture, 0.0) for picture in grey] == [False] * 8 + [True]
    assert settling.over(grey[0], 0.1)
    slow = Settling(0.0)
    assert not slow.over(grey[0], SETTLE_SECONDS - 0.1)
    assert slow.over(grey[0], SETTLE_SECONDS)  # a dark room stays dark


# --- when to look ----------------------------------------------------------------------------------------------------


def looks_in(
    watching: Watching, begin: float, seconds: float, frames: float = 30, cost: float = 0.01
) -> tuple[int, int]:
    """Glances and looks while frames come at this rate and nothing is read."""
    glances = looks = 0
    for number in range(int(seconds * frames)):
        now = begin + number / frames
        if watching.wait(now) > 0:
            continue
        if watching.task(now) is Task.GLANCE:
            glances += 1
            watching.glanced(now)
        else:
            looks += 1
            watching.looked(now, watching.near(now), None, cost)
    return glances, looks


def test_while_nobody_is_there_a_few_glances_and_one_look_a_second() -> None:
    glances, looks = looks_in(Watching(0.0), 0.0, 10)
    assert 35 <= glances + looks <= 51
    assert 9 <= looks <= 11


@pytest.mark.parametrize(("frames", "least"), [(30, 95), (15, 95), (10, 90), (5, 45)])
def test_while_somebody_is_there_ten_looks_a_second_or_every_frame_of_a_slower_camera(
    frames: float, least: int
) -> None:
    watching = Watching(0.0)
    looks = 0
    for second in range(10):
        watching.moved(float(second))
        looks += looks_in(watching, float(second), 1, frames)[1]
    assert least <= looks <= 101


def test_a_slow_machine_looks_less_often_so_that_half_of_a_core_is_left() -> None:
    watching = Watching(0.0)
    watching.moved(0.0)
    assert looks_in(watching, 0.0, 3.0, cost=0.2)[1] <= 8


def test_it_calms_down_when_nothing_moves_any_more_and_looks_at_once_when_something_does() -> None:
    watching = Watching(0.0)
    watching.looked(0.0, None, None, 0.01)
    assert watching.task(0.2) is Task.GLANCE
    watching.moved(0.2)
    assert watching.task(0.2) is Task.LOOK
    assert watching.someone(ACTIVE_SECONDS)
    assert not watching.someone(0.3 + ACTIVE_SECONDS)


def test_a_code_is_followed_where_it_was_but_the_whole_picture_is_seen_twice_a_second() -> None:
    watching = Watching(0.0)
    place = Box(5, 6, 7, 8)
    asked = []
    for number in range(30):
        now = number / 10
        watching.moved(now)
        asked.append(watching.near(now))
        watching.looked(now, asked[-1], place, 0.01)
    assert asked[0] is None
    assert 4 <= asked.count(None) <= 7
    assert set(asked) == {None, place}
    watching.looked(3.0, place, None, 0.01)  # it went
    assert watching.near(3.1) is None


def test_a_code_that_lies_still_is_looked_at_more_often_than_it_would_be_forgotten() -> None:
    watching = Watching(0.0)
    watching.looked(0.0, None, Box(0, 0, 1, 1), 0.01)
    assert watching.task(STILL_SECONDS * 0.6) is Task.LOOK


# --- what the driver offers ------------------------------------------------------------------------------------------


def offer(*modes: Mode) -> Offer:
    return Offer("A webcam", tuple(dict.fromkeys(mode.fourcc for mode in modes)), modes)


@pytest.mark.parametrize(
    ("offered", "chosen"),
    [
        ((Mode("YUYV", 1920, 1080, 5), Mode("MJPG", 1920, 1080, 30)), ("MJPG", 1920, 1080)),
        ((Mode("YUYV", 1920, 1080, 5), Mode("YUYV", 1280, 720, 10), Mode("YUYV", 640, 480, 30)), ("YUYV", 1280, 720)),
        ((Mode("YUYV", 1280, 720, 5), Mode("YUYV", 640, 480, 5)), ("YUYV", 1280, 720)),
        ((Mode("MJPG", 3840, 2160, 30), Mode("MJPG", 1280, 720, 30)), ("MJPG", 1280, 720)),
        ((Mode("MJPG", 3840, 2160, 30), Mode("MJPG", 2592, 1944, 30)), ("MJPG", 2592, 1944)),
        ((Mode("GREY", 1280, 800, 60), Mode("MJPG", 1280, 720, 30)), ("GREY", 1280, 800)),
        ((Mode("MJPG", 1600, 1200, 0),), ("MJPG", 1600, 1200)),
    ],
)
def test_the_mode_is_the_largest_asked_for_that_is_quick_enough(
    offered: tuple[Mode, ...], chosen: tuple[str, int, int]
) -> None:
    assert choose(offer(*offered), 1920, 1080)[:3] == chosen


def test_a_camera_that_lists_no_sizes_is_asked_for_the_size_wanted() -> None:
    assert choose(Offer("", ("YUYV", "MJPG"), ()), 1280, 720) == Mode("MJPG", 1280, 720, 0.0)


@pytest.mark.parametrize(
    ("device", "number"),
    [
        ("picamera2", 0),
        ("picamera2:1", 1),
        ("picamera2:", None),
        ("picamera2:x", None),
        ("/dev/video0", None),
        ("", None),
    ],
)
def test_a_pi_camera_is_named_by_its_number(device: str, number: int | None) -> None:
    assert pi_number(device) == number


# --- frames ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("fourcc", "row"), [("YUYV", 12), ("UYVY", 16), ("GREY", 6), ("NV12", 6), ("YU12", 8)])
def test_the_luma_of_raw_video_is_taken_out_whatever_the_padding(fourcc: str, row: int) -> None:
    luma = np.arange(24, dtype=np.uint8).reshape(4, 6)
    planar = fourcc not in ("YUYV", "UYVY")
    rows = 4 if not planar or fourcc == "GREY" else 6
    data = np.full((rows, row), 200, np.uint8)
    data[:4, {"YUYV": 0, "UYVY": 1}.get(fourcc, 0) : 6 if planar else 12 : 1 if planar else 2] = luma
    frame = luma_of(data.reshape(-1), fourcc, 6, 4)
    assert frame is not None
    assert np.array_equal(frame.grey(), luma)
    assert luma_of(data.reshape(-1)[: rows * 5], fourcc, 6, 4) is None


def test_the_small_picture_is_the_same_whether_the_camera_sends_jpeg_or_luma() -> None:
    hall = seen.scene(*SIZE)
    luma = LumaFrame(hall).small()
    assert luma is not None
    assert np.abs(luma.astype(int) - small(hall)).max() < 12


PICTURE = seen.jpeg(np.tile(np.arange(64, dtype=np.uint8) * 4, (48, 1)))


@given(
    between=st.tuples(*[st.binary(max_size=8).map(lambda some: some.replace(b"\xff", b"\0"))] * 3),
    torn_at=st.integers(2, len(PICTURE) - 2),
    steps=st.lists(st.integers(200, 9000), min_size=1, max_size=5),
)
@settings(max_examples=60, deadline=None)
def test_pictures_in_a_stream_are_found_however_it_comes_in_pieces(
    between: tuple[bytes, ...], torn_at: int, steps: list[int]
) -> None:
    one, two, three = between
    # A picture torn in a table's length takes up to 64 KiB with it, which that table might have had.
    left = one + PICTURE + two + PICTURE + three + PICTURE[:torn_at] + PICTURE * ((1 << 16) // len(PICTURE) + 2)
    splitter = jpeg.Splitter()
    found: list[bytes] = []
    for step in cycle(steps):
        found += splitter.feed(left[:step])
        left = left[step:]
        if not left:
            break
    assert found[:2] == [PICTURE, PICTURE]
    assert found[-1] == PICTURE


@given(st.binary(max_size=2000), st.integers(1, 200))
@settings(max_examples=100, deadline=None)
def test_any_bytes_are_split_without_a_word(hostile: bytes, step: int) -> None:
    splitter = jpeg.Splitter()
    for at in range(0, len(hostile), step):
        for picture in splitter.feed(hostile[at : at + step]):
            assert picture.startswith(jpeg.BEGIN)
            assert picture.endswith(jpeg.END)


def test_an_endless_picture_is_given_up() -> None:
    splitter = jpeg.Splitter()
    assert splitter.feed(PICTURE[:-2]) == []
    for _ in range(jpeg.MAX_BYTES // (1 << 16) + 1):
        assert splitter.feed(bytes(1 << 16)) == []
    assert len(splitter._held) < 1 << 17
    assert splitter.feed(PICTURE) == [PICTURE]


@given(st.binary(max_size=300))
@settings(max_examples=100, deadline=None)
def test_any_bytes_are_a_torn_frame_or_a_picture(hostile: bytes) -> None:
    for data in (hostile, jpeg.BEGIN + hostile, PICTURE[:200] + hostile):
        frame = JpegFrame(data)
        for picture in (frame.small(), frame.grey()):
            assert picture is None or picture.ndim == 2


def test_the_size_a_picture_tells_is_read_before_a_decoder_sees_it() -> None:
    assert jpeg.size_of(PICTURE) == (64, 48)
    at = PICTURE.index(b"\xff\xc0") + 5
    for height, width in ((0, 64), (65535, 65535), (48, 4097)):
        changed = PICTURE[:at] + height.to_bytes(2) + width.to_bytes(2) + PICTURE[at + 4 :]
        assert not jpeg.is_reasonable(changed)
        assert JpegFrame(changed).grey() is None
