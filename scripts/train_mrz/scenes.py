"""Documents held before a camera, badly, and what the networks learn of them: the picture made small with the places of
its lines, and each line straightened with the places of its letters.
"""

from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
import numpy.typing as npt

from scripts.train_mrz.documents import SIZES, Document, Picture, clouds, clutter, document
from scripts.train_mrz.texts import LETTERS

PART = 500  # scenes in one file
LONG_SIDE, TALLEST = 640, 480
PITCH, HEIGHT, MARGIN = 20, 72, 3.5  # of a straightened line, in pixels and (before the first middle) letters


class Scene(NamedTuple):
    """A photograph; the middles of each line's letters in its pixels, and what they are."""

    picture: npt.NDArray[np.uint8]
    middles: list[npt.NDArray[np.float64]]
    lines: list[str]


def scene(rng: np.random.Generator) -> Scene:
    """A table top, with a document on it nine times of ten."""
    sizes = [(1280, 720)] * 4 + [[(960, 720), (1920, 1080), (800, 600), (1024, 768)][rng.integers(4)]]
    wide, high = sizes[rng.integers(5)]
    table = _table(rng, wide, high)
    kind = rng.choice(["td1", "td3", "td2", "none"], p=[0.68, 0.14, 0.10, 0.08])
    if kind == "none":
        return Scene(_photographed(rng, table, 20.0), [], [])
    held = document(rng, kind)
    pose = _pose(rng, held, wide, high)
    if pose is None:
        return Scene(_photographed(rng, table, 20.0), [], [])
    middles = [cv2.perspectiveTransform(line[None].astype(np.float32), pose)[0] for line in held.middles]
    pitch = float(np.median(np.linalg.norm(np.diff(middles[0], axis=0), axis=1)))
    picture = _laid(rng, held.picture, table, pose, pitch)
    return Scene(_photographed(rng, picture, pitch), middles, held.lines)


def _table(rng: np.random.Generator, wide: int, high: int) -> Picture:
    table = clouds(rng, high, wide, rng.uniform(100, 500), rng.uniform(0, 40)) + np.float32(rng.uniform(10, 240))
    if rng.random() < 0.7:
        clutter(rng, table, int(rng.integers(1, 9)))
    if rng.random() < 0.4:
        table = cv2.GaussianBlur(table, (0, 0), rng.uniform(1, 8))
    if rng.random() < 0.5:
        table += clouds(rng, high, wide, np.exp(rng.uniform(0.4, 3.7)), rng.uniform(2, 35))
    return table


def _pose(rng: np.random.Generator, held: Document, wide: int, high: int) -> npt.NDArray[np.float64] | None:
    """From the document's pixels to the picture's, any way up, all letters in view; None when none was found."""
    tall, broad = held.picture.shape
    corners = np.array([[-broad, -tall, 0], [broad, -tall, 0], [broad, tall, 0], [-broad, tall, 0]]) / 2
    view = np.array([wide, high])
    for _ in range(50):
        share = rng.uniform(0.30, 0.98) if rng.random() < 0.75 else rng.uniform(0.45, 0.8)
        roll = rng.normal(0, 8) if rng.random() < 0.55 else rng.uniform(-180, 180)
        roll += 180 * (rng.random() < 0.3) + 90 * (rng.random() < 0.1)
        lean, swing = np.radians(rng.normal(0, 13, 2))
        turned = corners @ _rotation(lean, swing, np.radians(roll)).T * (wide * share / broad)
        far = wide * rng.uniform(0.9, 2.0)
        seen = turned[:, :2] * (far / (far + turned[:, 2:]))
        span = np.ptp(seen, axis=0)
        if rng.random() < 0.85 and (span > 1.02 * view).any():
            continue
        low, high_end = -seen.min(axis=0) - 0.02 * span, view - seen.max(axis=0) + 0.02 * span
        fits = low < high_end
        seen += np.where(fits, rng.uniform(np.minimum(low, high_end), np.maximum(low, high_end)), (low + high_end) / 2)
        flat = np.array([[0, 0], [broad, 0], [broad, tall], [0, tall]], np.float32)
        pose = cv2.getPerspectiveTransform(flat, seen.astype(np.float32))
        letters = np.concatenate([cv2.perspectiveTransform(m[None].astype(np.float32), pose)[0] for m in held.middles])
        if (letters > 6).all() and (letters < view - 6).all():
            return pose
    return None


def _rotation(lean: float, swing: float, roll: float) -> npt.NDArray[np.float64]:
    (a, b, c), (p, q, r) = np.cos([lean, swing, roll]), np.sin([lean, swing, roll])
    about_x = np.array([[1, 0, 0], [0, a, -p], [0, p, a]])
    about_y = np.array([[b, 0, q], [0, 1, 0], [-q, 0, b]])
    about_z = np.array([[c, -r, 0], [r, c, 0], [0, 0, 1]])
    return np.asarray(about_z @ about_x @ about_y)


def _laid(
    rng: np.random.Generator, paper: Picture, table: Picture, pose: npt.NDArray[np.float64], pitch: float
) -> Picture:
    high, wide = table.shape
    scale = pitch / 28
    sharp = paper if scale > 0.8 else cv2.GaussianBlur(paper, (0, 0), 0.45 / scale)
    cover = cv2.warpPerspective(np.ones_like(paper), pose, (wide, high))
    seen = cv2.warpPerspective(sharp, pose, (wide, high), borderMode=cv2.BORDER_REPLICATE)
    if rng.random() < 0.3:
        table = table * (1 - 0.5 * cv2.GaussianBlur(cover, (0, 0), 15))  # its shadow
    picture: Picture = table * (1 - cover) + seen * cover
    if rng.random() < 0.3:  # fingers
        corners = cv2.perspectiveTransform(
            np.array([[[0, 0], [paper.shape[1], 0], paper.shape[::-1], [0, paper.shape[0]]]], np.float32), pose
        )[0]
        for _ in range(rng.integers(1, 3)):
            x, y = corners[rng.integers(4)] * 0.85 + np.array([wide, high]) * 0.075
            size = int(rng.integers(30, 60)), int(rng.integers(60, 160))
            grey, angle = float(rng.uniform(80, 190)), float(rng.uniform(0, 180))
            cv2.ellipse(picture, (int(x), int(y)), size, angle, 0, 360, grey, -1, cv2.LINE_AA)
    return picture


def _photographed(rng: np.random.Generator, picture: Picture, pitch: float) -> npt.NDArray[np.uint8]:
    """Light, lens, sensor, and the camera's own processing; blur in proportion to the letters (`pitch`)."""
    picture = _lit(rng, picture)
    if rng.random() < 0.8:
        picture = cv2.GaussianBlur(picture, (0, 0), max(0.3, pitch * abs(rng.normal(0, 0.055)) + 0.25))
    if rng.random() < 0.3:
        picture = cv2.filter2D(picture, -1, _shake(rng, max(1.0, pitch * rng.uniform(0.05, 0.45))))
    if rng.random() < 0.85:
        noise = rng.normal(0, 1, picture.shape).astype(np.float32)
        strength = abs(rng.normal(0, 6)) + 0.5
        if rng.random() < 0.4:
            noise = cv2.GaussianBlur(noise, (0, 0), rng.uniform(0.5, 1.2)) * np.float32(1.8)
        picture = picture + noise * np.float32(strength) * np.sqrt(np.clip(picture, 8, 255) / 128)
    if rng.random() < 0.4:  # sharpened by the camera
        soft = cv2.GaussianBlur(picture, (0, 0), rng.uniform(0.8, 2))
        picture = picture + (picture - soft) * np.float32(rng.uniform(0.3, 1.6))
    developed = np.clip(picture, 0, 255).astype(np.uint8)
    if rng.random() < 0.7:
        _, stored = cv2.imencode(".jpg", developed, [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(25, 95))])
        developed = np.asarray(cv2.imdecode(stored, cv2.IMREAD_GRAYSCALE), np.uint8)
    return developed


def _lit(rng: np.random.Generator, picture: Picture) -> Picture:
    high, wide = picture.shape
    if rng.random() < 0.5:
        down, across = np.mgrid[0:high, 0:wide].astype(np.float32)
        a, b = rng.normal(0, 0.35, 2).astype(np.float32)
        picture = picture * np.clip(1 + a * (across / wide - 0.5) + b * (down / high - 0.5), 0.2, 2)
    if rng.random() < 0.15:
        shade = np.zeros((high, wide), np.float32)
        cv2.fillPoly(shade, [(rng.uniform(0, 1, (4, 2)) * (wide, high)).astype(np.int32)], 1)
        shade = cv2.GaussianBlur(shade, (0, 0), rng.uniform(2, 30))
        picture = picture * (1 - shade * np.float32(rng.uniform(0.2, 0.6)))
    if rng.random() < 0.35:
        for _ in range(rng.integers(1, 3)):
            glare = np.zeros((high // 4, wide // 4), np.float32)
            place = int(rng.uniform(0, wide / 4)), int(rng.uniform(0, high / 4))
            size = int(rng.uniform(5, 80)), int(rng.uniform(5, 30))
            cv2.ellipse(glare, place, size, float(rng.uniform(0, 180)), 0, 360, 1, -1)
            glare = cv2.resize(cv2.GaussianBlur(glare, (0, 0), rng.uniform(3, 25)), (wide, high))
            picture = picture + glare * np.float32(rng.uniform(30, 230))
    exposure = rng.uniform(0.35, 1.25) if rng.random() < 0.6 else 1.0
    return np.clip(picture * np.float32(exposure) + np.float32(rng.uniform(-10, 20)), 0, 255)


def _shake(rng: np.random.Generator, length: float) -> Picture:
    kernel = np.zeros((31, 31), np.float32)
    step = length / 2 * np.array([np.cos(angle := rng.uniform(0, np.pi)), np.sin(angle)])
    ends = [np.round((15 + way * step) * 16).astype(int).tolist() for way in (-1, 1)]
    cv2.line(kernel, ends[0], ends[1], 1, 1, cv2.LINE_AA, 4)
    return kernel / max(float(kernel.sum()), 1e-6)


def straightened(
    picture: npt.NDArray[np.uint8], middles: npt.NDArray[np.float64]
) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.float64]]:
    """One line upright, and where its letters' middles have come to lie (pixels from the left)."""
    steps = np.gradient(middles, axis=0)
    lengths = np.linalg.norm(steps, axis=1, keepdims=True)
    # Across the line perspective goes with 1/z, along it with 1/z squared.
    across = np.stack([-steps[:, 1], steps[:, 0]], axis=1) / lengths * np.sqrt(lengths * lengths.mean())
    first, last = middles[0], middles[-1]
    seen = np.array([first + across[0], last + across[-1], last - across[-1], first - across[0]], np.float32)
    left, right, middle = MARGIN * PITCH, (MARGIN + len(middles) - 1) * PITCH, HEIGHT / 2
    flat = [[left, middle + PITCH], [right, middle + PITCH], [right, middle - PITCH], [left, middle - PITCH]]
    forth = cv2.getPerspectiveTransform(seen, np.array(flat, np.float32))
    scale = PITCH / float(lengths.mean())
    source = picture if scale > 0.8 else cv2.GaussianBlur(picture, (0, 0), 0.4 / scale)
    size = int((len(middles) + 2 * MARGIN - 1) * PITCH), HEIGHT
    strip = cv2.warpPerspective(source, forth, size, borderMode=cv2.BORDER_REPLICATE)
    return strip, cv2.perspectiveTransform(middles[None].astype(np.float32), forth)[0, :, 0]


def write(file: Path, part: int) -> None:
    """Draw and store one part; its number is the seed."""
    small, heights, counts, places, strips, letters, middles = [], [], [], [], [], [], []
    for number in range(part * PART, (part + 1) * PART):
        shot = scene(np.random.default_rng(number))
        scale = LONG_SIDE / max(shot.picture.shape)
        high, wide = (round(side * scale) for side in shot.picture.shape)
        padded = np.zeros((TALLEST, LONG_SIDE), np.uint8)
        padded[:high] = cv2.resize(shot.picture, (wide, high), interpolation=cv2.INTER_AREA)[:TALLEST]
        small.append(padded)
        heights.append(high)
        counts.append(len(shot.lines))
        for line, text in zip(shot.middles, shot.lines, strict=True):
            strip, where = straightened(shot.picture, line)
            places.append(line * scale)
            strips.append(strip)
            letters.append([LETTERS.index(letter) for letter in text])
            middles.append(where)
    np.savez_compressed(
        file,
        small=np.array(small),
        heights=np.array(heights),
        lines=np.array(counts),
        lengths=np.array([len(line) for line in letters]),
        places=np.concatenate(places),
        strips=np.concatenate(strips, axis=1),
        widths=np.array([strip.shape[1] for strip in strips]),
        letters=np.concatenate(letters),
        middles=np.concatenate(middles),
    )


__all__ = ["SIZES", "scene", "straightened", "write"]
