"""What is chosen for one photograph: where the card is, how the light falls, what lens, sensor and encoder do to it.

Numbers only, so that a sequence of frames can move from one shot to the next. Lengths in pixels of the final picture
unless said otherwise.
"""

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Pose:
    """The card before the camera. `scale`: pixels per millimetre at the target's centre; angles in degrees.

    `at`: where the target's centre is, as shares of the frame. `view`: the lens's horizontal angle of view.
    """

    scale: float
    roll: float = 0.0
    tilt: float = 0.0
    tilt_axis: float = 0.0
    at: tuple[float, float] = (0.5, 0.5)
    view: float = 62.0


@dataclass(frozen=True)
class Lens:
    """`defocus`: radius of the disc of confusion; `softness`: sigma of what the lens never resolves.

    `motion`: length of the path during the exposure, `heading` its direction and `bend` its curvature in degrees;
    `spin`: degrees turned during the exposure. `vignette`: loss in the corners. `flare`: light spread over the picture.
    """

    defocus: float = 0.0
    softness: float = 0.4
    motion: float = 0.0
    heading: float = 0.0
    bend: float = 0.0
    spin: float = 0.0
    vignette: float = 0.1
    flare: float = 0.0


@dataclass(frozen=True)
class Highlight:
    """A lamp mirrored by the card: an ellipse around `at` (mm from the target's centre) of `size` mm, in `strength`
    times the card's white. `film`: how much the laminate's waves break it up."""

    at: tuple[float, float]
    size: tuple[float, float]
    angle: float
    strength: float
    film: float


@dataclass(frozen=True)
class Light:
    """`exposure`: what a white card comes to, 1 is where the sensor saturates. `falloff` over the frame towards
    `falloff_angle`. `shadow`: how dark its edge at `shadow_at` mm makes the card. `warmth`: red over blue.
    `hologram`: strength of the rainbow print in the laminate. `veil`: light added by the laminate everywhere."""

    exposure: float = 0.7
    falloff: float = 0.15
    falloff_angle: float = 0.0
    shadow: float = 0.0
    shadow_at: float = 0.0
    shadow_angle: float = 0.0
    warmth: float = 1.0
    veil: float = 0.0
    hologram: float = 0.0
    highlights: tuple[Highlight, ...] = ()


@dataclass(frozen=True)
class Screen:
    """What a lit screen does. `pitch`: mm from pixel to pixel; `grid`: contrast of its stripes after the camera's own
    pixel has averaged over them; `bands`: depth of the stripes of a dimmed screen, `band_rows` their height;
    `smears`: how greasy the glass is."""

    brightness: float = 1.0
    pitch: float = 0.06
    grid: float = 0.0
    bands: float = 0.0
    band_rows: float = 120.0
    smears: float = 0.0


@dataclass(frozen=True)
class Sensor:
    """`electrons` at saturation, `read_noise` in electrons. `scaled`: the sensor's pixels for one of the picture.

    `denoise`: sigma; `sharpen`, `sharpen_sigma`: the unsharp mask; `gamma`, `contrast`: the tone curve. `colours`: JPEG
    chroma subsampling (444, 422, 420); `again`: quality of a second encoding, 0 for none.
    """

    electrons: float = 6000.0
    read_noise: float = 4.0
    row_noise: float = 0.0
    scaled: float = 1.0
    smooth_demosaic: bool = False
    denoise: float = 0.0
    sharpen: float = 0.5
    sharpen_sigma: float = 1.0
    gamma: float = 2.2
    contrast: float = 0.2
    quality: int = 90
    colours: int = 420
    again: int = 0


@dataclass(frozen=True)
class Shot:
    """One photograph. `wear`: share of the print that has come off or is scratched; `fingers` that hold the card.
    `lifted`: how dark a shadow it throws on what is behind it."""

    frame: tuple[int, int]
    pose: Pose
    lens: Lens = field(default_factory=Lens)
    light: Light = field(default_factory=Light)
    sensor: Sensor = field(default_factory=Sensor)
    screen: Screen | None = None
    wear: float = 0.0
    fingers: int = 0
    lifted: float = 0.0
