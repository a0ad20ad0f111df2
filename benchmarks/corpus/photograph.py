"""One photograph: a subject before a backdrop, as a shot says. Everything random that is left comes from `random`."""

from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from benchmarks.corpus import light as lights
from benchmarks.corpus import optics, sensor
from benchmarks.corpus.shot import Shot
from benchmarks.corpus.subjects import Subject
from sandbox.paper.geometry import Area

Plane = npt.NDArray[Any]  # 32-bit floats, linear light
Picture = npt.NDArray[Any]  # 8 bits, BGR
Box = tuple[int, int, int, int]

_LINEAR = (np.arange(256) / 255.0) ** 2.2
_TO_LIGHT = _LINEAR.astype(np.float32)
_FINE_BELOW = 8.0  # pixels per mm: a card smaller than that is painted at twice the frame's resolution
_MARGIN = 24


def photograph(subject: Subject, backdrop: Picture, shot: Shot, random: np.random.Generator) -> bytes:
    """The JPEG. `backdrop` may be of any size."""
    scaled = shot.sensor.scaled
    frame = (round(shot.frame[0] * scaled), round(shot.frame[1] * scaled))
    matrix = np.diag([scaled, scaled, 1.0]) @ optics.projection(shot.pose, subject.target, shot.frame)
    scene: Plane = cv2.LUT(cv2.resize(backdrop, frame), _TO_LIGHT).astype(np.float32, copy=False)
    if shot.lifted:
        _shade(scene, subject, matrix, shot.lifted, random)
    box = _box(subject, matrix, frame)
    grid = lights.Grid(box, matrix, subject.target.centre)
    left, top, right, bottom = box
    paint, cover = _painted(subject, shot, matrix, box, scaled, random)
    paint = _lit(paint, cover, shot, grid, random)
    under = scene[top:bottom, left:right]
    under *= 1 - cover
    under += paint
    _fingers(scene, subject, matrix, shot, random)
    scene *= lights.across_frame(shot.light, frame, shot.lens.vignette)
    if shot.lens.flare:
        small = cv2.resize(np.minimum(scene, 2), (64, 36), interpolation=cv2.INTER_AREA)
        glow = cv2.GaussianBlur(small, (0, 0), 9)
        scene = scene * np.float32(1 - shot.lens.flare) + cv2.resize(glow, frame) * np.float32(shot.lens.flare)
    return sensor.developed(scene, shot.sensor, shot.frame, random)


def _shade(scene: Plane, subject: Subject, matrix: optics.Matrix, lifted: float, random: np.random.Generator) -> None:
    """The soft shadow beside a card that is held above the desk, painted at a sixteenth of the frame's size."""
    height, width = scene.shape[0] // 16, scene.shape[1] // 16
    aside = random.normal(0, 0.02, 2) * (width, height)
    spots = optics.corners(Area(0, 0, *subject.size), matrix) / 16 + aside
    dark = np.zeros((height, width), np.float32)
    cv2.fillPoly(dark, [np.round(spots).astype(np.int32)], lifted)
    dark = cv2.GaussianBlur(dark, (0, 0), float(random.uniform(0.8, 4))).astype(np.float32, copy=False)
    scene *= 1 - cv2.resize(dark, (scene.shape[1], scene.shape[0]), interpolation=cv2.INTER_LINEAR)[..., None]


def _box(subject: Subject, matrix: optics.Matrix, frame: tuple[int, int]) -> Box:
    """The part of the frame that the subject touches, on even pixels."""
    spots = optics.corners(Area(0, 0, *subject.size), matrix)
    left, top = (np.floor(spots.min(axis=0)) - _MARGIN).astype(int)
    right, bottom = (np.ceil(spots.max(axis=0)) + _MARGIN).astype(int)
    left, top = max(0, left - left % 2), max(0, top - top % 2)
    right, bottom = min(frame[0], right + right % 2), min(frame[1], bottom + bottom % 2)
    return int(left), int(top), int(right), int(bottom)


def _painted(
    subject: Subject, shot: Shot, matrix: optics.Matrix, box: Box, scaled: float, random: np.random.Generator
) -> tuple[Plane, Plane]:
    """The subject in linear light as the lens shows it, and how much of each pixel it covers (both blurred)."""
    left, top, right, bottom = box
    fine = 2 if shot.pose.scale * scaled < _FINE_BELOW else 1
    onto = np.array([[fine, 0, -left * fine], [0, fine, -top * fine], [0, 0, 1.0]])
    texture = np.diag([1 / subject.resolution, 1 / subject.resolution, 1.0])
    size = ((right - left) * fine, (bottom - top) * fine)
    half = np.array([[1, 0, 0.5], [0, 1, 0.5], [0, 0, 1.0]])  # a pixel's middle is not its corner
    turn = np.linalg.inv(half) @ onto @ matrix @ texture @ half
    picture = _worn(subject.picture, shot.wear, random) if shot.wear else subject.picture
    seen: Plane = cv2.LUT(cv2.warpPerspective(picture, turn, size, flags=cv2.INTER_LINEAR), _TO_LIGHT)
    outline = cv2.warpPerspective(subject.outline, turn, size, flags=cv2.INTER_LINEAR)
    cover: Plane = outline.astype(np.float32) / np.float32(255)
    paint = optics.blurred(seen * cover[..., None], shot.lens, fine * scaled)
    if fine > 1:
        paint = cv2.resize(paint, (right - left, bottom - top), interpolation=cv2.INTER_AREA)
        cover = cv2.resize(cover, (right - left, bottom - top), interpolation=cv2.INTER_AREA)
    return paint, optics.blurred(cover, shot.lens, scaled)[..., None]


def _lit(paint: Plane, cover: Plane, shot: Shot, grid: lights.Grid, random: np.random.Generator) -> Plane:
    if shot.light.shadow:
        paint = paint * lights.shadow(shot.light, grid)[..., None]
    if shot.screen is not None:
        screen = shot.screen
        paint = paint * np.float32(screen.brightness)
        if screen.grid:
            paint *= lights.stripes(screen, grid, random)
        if screen.bands:
            paint *= lights.bands(screen, paint.shape[0], random)
        if screen.smears:
            dull = lights.smears(screen, grid, random)[..., None]
            spread = cv2.GaussianBlur(paint, (0, 0), 6)
            paint = paint * (1 - np.float32(0.7) * dull) + dull * (np.float32(0.6) * spread + np.float32(0.05))
    if shot.light.veil or shot.light.highlights or shot.light.hologram:
        paint = paint + lights.mirrored(shot.light, grid, random) * cover
    return paint


def _worn(picture: Picture, wear: float, random: np.random.Generator) -> Picture:
    """Scratches, rubbed-off spots and dirt, on a copy."""
    picture = picture.copy()
    height, width = picture.shape[:2]
    for _ in range(round(60 * wear)):
        at = random.integers((0, 0), (width, height))
        to = at + random.normal(0, width / 6, 2).astype(int)
        tone = [int(random.choice((225, 200, 235, 60)))] * 3
        cv2.line(picture, at.tolist(), to.tolist(), tone, 1 + int(random.random() < wear), cv2.LINE_AA)
    small = random.random((54, 86)).astype(np.float32)
    patches = np.clip((cv2.GaussianBlur(small, (0, 0), 1.2) - 0.62 + 0.12 * wear) * 8, 0, 1) * np.float32(
        min(1, wear * 1.5)
    )
    rubbed = cv2.resize(patches, (width, height), interpolation=cv2.INTER_LINEAR)[..., None]
    return np.asarray(picture * (1 - rubbed) + np.float32(215) * rubbed, np.uint8)


def _fingers(scene: Plane, subject: Subject, matrix: optics.Matrix, shot: Shot, random: np.random.Generator) -> None:
    """Finger tips over the edge that is farthest from what is to be read, and a thumb."""
    width, height = subject.size
    x, y = subject.target.centre
    edges = [(x, (0.0, None)), (width - x, (width, None)), (y, (None, 0.0)), (height - y, (None, height))]
    _, (across, down) = max(edges, key=lambda edge: edge[0])
    tone = np.array([0.2, 0.29, 0.5]) * random.uniform(0.35, 1.15) * random.uniform(0.93, 1.07, 3)
    for _ in range(shot.fingers):
        along = random.uniform(0.15, 0.85)
        tip = np.array([across if across is not None else along * width, down if down is not None else along * height])
        inward = np.array([width / 2, height / 2]) - tip
        inward[0 if across is None else 1] = random.normal(0, 4)
        inward /= np.hypot(*inward)
        reach, thick = random.uniform(3, 11), random.uniform(7, 9.5)
        root, tip = tip - inward * 45, tip + inward * (reach - thick)
        for share in (1.0, 0.8, 0.55, 0.3):
            points = _capsule(root, tip, thick * share)
            spots = cv2.perspectiveTransform(points[None], matrix)[0]
            shade = (tone * (0.62 + 0.42 * (1 - share))).tolist()
            cv2.fillPoly(scene, [np.round(spots).astype(np.int32)], shade, cv2.LINE_AA)


def _capsule(start: npt.NDArray[Any], end: npt.NDArray[Any], radius: float) -> npt.NDArray[Any]:
    angle = np.arctan2(*(end - start)[::-1])
    half = np.linspace(-np.pi / 2, np.pi / 2, 12)
    round_tip = end + radius * np.column_stack([np.cos(angle + half), np.sin(angle + half)])
    round_root = start - radius * np.column_stack([np.cos(angle + half), np.sin(angle + half)])
    return np.concatenate([round_tip, round_root])
