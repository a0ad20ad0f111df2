"""How hard each tier is: the distributions that a shot's numbers are drawn from.

Drawn from what webcams and hand-held cards do, not from what any decoder can, but so that the peers' rates on each
tier come to about those of vision.md 2, whose bars suppose them. From its rates by pixels to a module follows that its
small modules are those of 2 to 3 pixels, its extreme ones those below.
"""

from dataclasses import dataclass, replace
from math import log
from typing import Literal

import numpy as np

from benchmarks.corpus import optics
from benchmarks.corpus.shot import Highlight, Lens, Light, Pose, Screen, Sensor, Shot
from benchmarks.corpus.subjects import Subject
from sandbox.paper.geometry import Area

Tier = Literal["easy", "normal", "small", "glare", "extreme", "phone", "mrz", "negative"]
HD, FULL_HD = (1280, 720), (1920, 1080)
_SHARE_OF_FULL_HD = 0.14
Range = tuple[float, float]


@dataclass(frozen=True)
class Ranges:
    """What a tier's numbers lie between. `module` in pixels, `blur` and `motion` in modules, `electrons` of a white
    card (its logarithm is drawn evenly), `chances` those of motion and of a rotation."""

    module: Range
    tilt: Range
    roll: float  # standard deviation, degrees
    blur: Range
    motion: Range
    moving: float
    electrons: Range
    exposure: Range
    quality: tuple[int, int]
    veil: float
    glare: float
    shadow: float
    wear: float


RANGES: dict[Tier, Ranges] = {
    "easy": Ranges(
        (4.2, 7.5), (0, 14), 8, (0.0, 0.2), (0.0, 0.1), 0.2, (2500, 9000), (0.5, 0.85), (78, 96), 0.02, 0.05, 0.1, 0.0
    ),
    "normal": Ranges(
        (2.9, 4.8), (0, 28), 14, (0.05, 0.36), (0.0, 0.4), 0.4, (900, 6000), (0.35, 0.9), (65, 94), 0.06, 0.15, 0.2, 0.2
    ),
    "small": Ranges(
        (2.0, 3.0), (0, 22), 12, (0.08, 0.42), (0.0, 0.4), 0.3, (700, 6000), (0.35, 0.9), (60, 94), 0.06, 0.1, 0.2, 0.2
    ),
    "glare": Ranges(
        (2.3, 4.5), (12, 40), 16, (0.05, 0.34), (0.0, 0.4), 0.3, (700, 6000), (0.4, 0.95), (60, 92), 0.18, 1.0, 0.3, 0.2
    ),
    "extreme": Ranges(
        (1.3, 2.1), (5, 36), 18, (0.2, 0.6), (0.1, 0.7), 0.6, (300, 3000), (0.25, 0.95), (40, 85), 0.15, 0.4, 0.4, 0.3
    ),
    "phone": Ranges(
        (2.2, 6.5), (0, 30), 14, (0.05, 0.4), (0.0, 0.5), 0.4, (600, 5000), (0.45, 0.9), (55, 92), 0.1, 0.4, 0.0, 0.0
    ),
    "negative": Ranges(
        (1.8, 5.0), (0, 35), 20, (0.05, 0.4), (0.0, 0.5), 0.4, (500, 6000), (0.35, 0.9), (55, 94), 0.1, 0.4, 0.3, 0.2
    ),
    "mrz": Ranges(
        (2.6, 4.0), (0, 24), 5, (0.02, 0.3), (0.0, 0.3), 0.35, (700, 6000), (0.4, 0.9), (65, 94), 0.06, 0.35, 0.2, 0.2
    ),
}


def draw(tier: Tier, subject: Subject, random: np.random.Generator) -> Shot:
    """One shot of a subject, with all of its target in the frame."""
    ranges = RANGES[tier]
    frame = FULL_HD if tier != "mrz" and random.random() < _SHARE_OF_FULL_HD else HD
    module = _between(random, ranges.module)
    pose = _placed(_pose(tier, subject, ranges, module, frame, random), subject, frame, tier, random)
    lens = _lens(ranges, module, random)
    light = _light(tier, ranges, subject, random)
    shot = Shot(frame, pose, lens, light, _sensor(ranges, frame, module, random))
    if subject.lit:
        shot = replace(shot, screen=_screen(random))
    worn = random.random() < ranges.wear and not subject.lit
    held = tier != "mrz" and random.random() < 0.55
    return replace(
        shot,
        wear=_between(random, (0.1, 0.6 if tier == "extreme" else 0.3)) if worn else 0.0,
        fingers=int(random.integers(1, 4)) if held else 0,
        lifted=_between(random, (0.0, 0.6)),
    )


def settling(shot: Shot, frames: int, random: np.random.Generator) -> list[Shot]:
    """The same card brought to rest before the camera: it arrives, trembles, the focus finds it.

    The last frames are near the given shot; the first ones are farther away from it, moving and out of focus.
    """
    start = random.normal(0, (0.05, 0.04))
    turned, hunting = random.normal(0, 5), random.uniform(0.3, 1.6)
    heading = float(np.degrees(np.arctan2(-start[1] * shot.frame[1], -start[0] * shot.frame[0])))
    pace = random.uniform(0.35, 0.65)
    shots = []
    for number in range(frames):
        left = pace**number
        tremble = random.normal(0, 1, 3)
        at = (
            shot.pose.at[0] + start[0] * left + tremble[0] * 0.002,
            shot.pose.at[1] + start[1] * left + tremble[1] * 0.003,
        )
        pose = replace(
            shot.pose,
            at=at,
            roll=shot.pose.roll + turned * left + tremble[2] * 0.4,
            tilt=shot.pose.tilt * (1 + 0.3 * left * tremble[1]),
            scale=shot.pose.scale * (1 - 0.12 * left + 0.01 * tremble[0]),
        )
        moving = abs(random.normal(0, 0.6)) + 5 * left
        lens = replace(
            shot.lens,
            defocus=shot.lens.defocus * (1 + hunting * left) * float(random.uniform(0.8, 1.2)),
            motion=moving * float(random.uniform(0.2, 1.0)),
            heading=heading + float(tremble[2]) * 40,
            spin=0.0,
        )
        shots.append(replace(shot, pose=pose, lens=lens))
    return shots


def _between(random: np.random.Generator, bounds: Range) -> float:
    return float(random.uniform(*bounds))


def _pose(
    tier: Tier, subject: Subject, ranges: Ranges, module: float, frame: tuple[int, int], random: np.random.Generator
) -> Pose:
    scale = module / subject.module
    if tier == "mrz":  # as much of the frame as the outline on a kiosk's screen asks for
        scale = frame[0] * random.uniform(0.62, 0.92) / subject.size[0]
    if tier == "negative":
        scale = frame[0] * random.uniform(0.4, 1.3) / subject.size[0]
    roll = random.normal(0, ranges.roll)
    if tier not in ("mrz", "easy") and random.random() < 0.06:
        roll += random.choice((90, 180, 270))
    view = _between(random, (50, 78))
    return Pose(scale, float(roll), _between(random, ranges.tilt), _between(random, (0, 360)), (0.5, 0.5), view)


def _placed(pose: Pose, subject: Subject, frame: tuple[int, int], tier: Tier, random: np.random.Generator) -> Pose:
    """Somewhere in the frame where the whole target is visible; nearer the middle the longer that takes to find."""
    quiet = 0.0 if tier in ("mrz", "negative") else 4 * subject.module
    area = subject.target
    needed = Area(area.left - quiet, area.top - quiet, area.width + 2 * quiet, area.height + 2 * quiet)
    for attempt in range(40):
        spread = 0.3 * (1 - attempt / 40)
        at = (0.5 + float(random.uniform(-spread, spread)), 0.5 + float(random.uniform(-spread, spread)))
        moved = replace(pose, at=at)
        spots = optics.corners(needed, optics.projection(moved, area, frame))
        if tier == "negative" or ((spots > 4).all() and (spots < np.array(frame) - 4).all()):
            return moved
    return replace(pose, at=(0.5, 0.5), scale=pose.scale * 0.85, tilt=pose.tilt * 0.7)


def _lens(ranges: Ranges, module: float, random: np.random.Generator) -> Lens:
    moving = random.random() < ranges.moving
    return Lens(
        defocus=_between(random, ranges.blur) * module,
        softness=_between(random, (0.25, 0.5)),
        motion=_between(random, ranges.motion) * module if moving else 0.0,
        heading=_between(random, (0, 180)),
        bend=_between(random, (-70, 70)),
        spin=float(random.normal(0, 0.08)) if moving and random.random() < 0.3 else 0.0,
        vignette=_between(random, (0.0, 0.3)),
        flare=_between(random, (0.0, 0.06)),
    )


def _light(tier: Tier, ranges: Ranges, subject: Subject, random: np.random.Generator) -> Light:
    count = 0
    if random.random() < ranges.glare:
        count = int(random.integers(1, 3))
    near = 0.9 if tier == "glare" else 1.6
    reach = max(subject.target.width, subject.target.height)
    shadowed = random.random() < ranges.shadow
    return Light(
        exposure=_between(random, ranges.exposure),
        falloff=_between(random, (0.0, 0.45)),
        falloff_angle=_between(random, (0, 360)),
        shadow=_between(random, (0.2, 0.7)) if shadowed else 0.0,
        shadow_at=_between(random, (-reach, reach)),
        shadow_angle=_between(random, (0, 360)),
        warmth=_between(random, (0.85, 1.15)),
        veil=_between(random, (0, ranges.veil)),
        hologram=_between(random, (0.05, 0.35)) if random.random() < ranges.glare * 0.5 else 0.0,
        highlights=tuple(_highlight(tier, near * reach, random) for _ in range(count)),
    )


def _highlight(tier: Tier, reach: float, random: np.random.Generator) -> Highlight:
    long = _between(random, (2, 12))
    strongest = 1.1 if tier == "glare" else 0.7
    return Highlight(
        at=(float(random.normal(0, reach)), float(random.normal(0, reach))),
        size=(long, long * _between(random, (0.2, 1.0))),
        angle=_between(random, (0, 180)),
        strength=_between(random, (0.2, 1.0)) ** 2.5 * strongest,
        film=_between(random, (0.0, 0.9)),
    )


def _sensor(ranges: Ranges, frame: tuple[int, int], module: float, random: np.random.Generator) -> Sensor:
    electrons = float(np.exp(_between(random, (log(ranges.electrons[0]), log(ranges.electrons[1])))))
    scaled = 1.0
    if frame == FULL_HD and module * 2 / 3 > ranges.module[0] and random.random() < 0.3:
        scaled = 2 / 3  # a sensor of 720 lines that says 1080
    elif frame == HD and random.random() < 0.06:
        scaled = 1.25
    return Sensor(
        electrons=electrons,
        read_noise=_between(random, (2, 9)),
        row_noise=_between(random, (0.5, 3.0)) if random.random() < 0.3 else 0.0,
        scaled=scaled,
        smooth_demosaic=bool(random.random() < 0.5),
        denoise=_between(random, (0.3, 0.7)) if random.random() < (0.7 if electrons < 1200 else 0.25) else 0.0,
        sharpen=_between(random, (0.0, 1.5)),
        sharpen_sigma=_between(random, (0.7, 1.8)),
        gamma=_between(random, (1.8, 2.5)),
        contrast=_between(random, (0.0, 0.6)),
        quality=int(random.integers(ranges.quality[0], ranges.quality[1] + 1)),
        colours=int(random.choice((420, 422, 444), p=(0.5, 0.4, 0.1))),
        again=int(random.integers(55, 92)) if random.random() < 0.12 else 0,
    )


def _screen(random: np.random.Generator) -> Screen:
    dimmed = random.random() < 0.35
    return Screen(
        brightness=_between(random, (0.25, 0.8)) if dimmed else _between(random, (0.8, 2.2)),
        pitch=25.4 / _between(random, (300, 520)),
        grid=min(0.45, float(random.exponential(0.09))),
        bands=_between(random, (0.1, 0.6)) if dimmed or random.random() < 0.2 else 0.0,
        band_rows=_between(random, (40, 420)),
        smears=_between(random, (0.1, 0.7)) if random.random() < 0.4 else 0.0,
    )
