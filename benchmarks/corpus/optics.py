"""From a flat thing to light on the sensor: the pinhole projection, defocus and motion. Linear light throughout."""

from math import cos, hypot, radians, sin, tan
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from benchmarks.corpus.shot import Lens, Pose
from sandbox.paper.geometry import Area

Plane = npt.NDArray[Any]
Matrix = npt.NDArray[Any]


def projection(pose: Pose, target: Area, frame: tuple[int, int]) -> Matrix:
    """The homography from millimetres on the card to pixels of the frame."""
    focal = frame[0] / 2 / tan(radians(pose.view) / 2)
    distance = focal / pose.scale
    axis, tilt = radians(pose.tilt_axis), radians(pose.tilt)
    lean = cv2.Rodrigues(np.array([cos(axis), sin(axis), 0.0]) * tilt)[0]
    roll = cv2.Rodrigues(np.array([0.0, 0.0, radians(pose.roll)]))[0]
    turn = lean @ roll
    where = np.array([(pose.at[0] - 0.5) * frame[0], (pose.at[1] - 0.5) * frame[1], focal]) / pose.scale
    assert abs(where[2] - distance) < 1e-6 * distance
    camera = np.array([[focal, 0, frame[0] / 2], [0, focal, frame[1] / 2], [0, 0, 1]])
    centred = np.array([[1, 0, -target.centre[0]], [0, 1, -target.centre[1]], [0, 0, 1]])
    return np.asarray(camera @ np.column_stack([turn[:, 0], turn[:, 1], where]) @ centred)


def corners(area: Area, matrix: Matrix) -> npt.NDArray[Any]:
    """Where an area's four corners come to lie in the frame."""
    right, bottom = area.left + area.width, area.top + area.height
    points = np.array([[area.left, area.top], [right, area.top], [right, bottom], [area.left, bottom]])
    return np.asarray(cv2.perspectiveTransform(points[None], matrix)[0])


def blurred(plane: Plane, lens: Lens, factor: float) -> Plane:
    """What the lens and the movement leave of it; `factor`: the plane's pixels for one of the frame."""
    disc = _disc(lens.defocus * factor)
    if disc.size > 1:
        plane = cv2.filter2D(plane, -1, disc, borderType=cv2.BORDER_REPLICATE)
    if lens.softness * factor > 0.25:
        plane = cv2.GaussianBlur(plane, (0, 0), lens.softness * factor, borderType=cv2.BORDER_REPLICATE)
    path = _path(lens, factor)
    if path.size > 1:
        plane = cv2.filter2D(plane, -1, path, borderType=cv2.BORDER_REPLICATE)
    return _spun(plane, lens.spin) if lens.spin else plane


def _disc(radius: float) -> Plane:
    """A disc with soft edges, its sum 1."""
    reach = int(np.ceil(radius))
    if reach == 0:
        return np.ones((1, 1), np.float32)
    y, x = np.mgrid[-reach : reach + 1, -reach : reach + 1]
    disc = np.clip(radius + 0.5 - np.hypot(x, y), 0, 1)
    return np.asarray(disc / disc.sum(), np.float32)


def _path(lens: Lens, factor: float) -> Plane:
    """The way a point takes while the shutter is open: an arc walked at an even pace."""
    length = lens.motion * factor
    reach = int(np.ceil(length / 2))
    if reach == 0:
        return np.ones((1, 1), np.float32)
    kernel = np.zeros((2 * reach + 3, 2 * reach + 3), np.float32)
    steps = 4 * reach + 8
    walk = []
    x = y = 0.0
    for step in range(steps):
        heading = radians(lens.heading + lens.bend * (step / (steps - 1) - 0.5))
        x, y = x + cos(heading) * length / steps, y + sin(heading) * length / steps
        walk.append((x, y))
    middle = np.mean(walk, axis=0)
    for x, y in np.array(walk) - middle + reach + 1:
        left, top = int(x), int(y)
        across, down = x - left, y - top
        kernel[top, left] += (1 - across) * (1 - down)
        kernel[top, left + 1] += across * (1 - down)
        kernel[top + 1, left] += (1 - across) * down
        kernel[top + 1, left + 1] += across * down
    return kernel / np.float32(kernel.sum())


def _spun(plane: Plane, degrees: float) -> Plane:
    """Turned about a point beyond a corner while the shutter is open, as a wrist turns."""
    height, width = plane.shape[:2]
    wrist = (width * 0.5, height * 1.1)
    steps = min(9, 2 + round(hypot(width, height) * radians(abs(degrees)) / 0.7))
    total = np.zeros_like(plane)
    for angle in np.linspace(-degrees / 2, degrees / 2, steps):
        turn = cv2.getRotationMatrix2D(wrist, float(angle), 1.0)
        total += cv2.warpAffine(plane, turn, (width, height), borderMode=cv2.BORDER_REPLICATE)
    return total / np.float32(steps)
