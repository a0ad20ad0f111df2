"""From light on the sensor to a JPEG: colour filter, photons, read-out, demosaicing, tone, sharpening, encoder."""

from functools import lru_cache
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from benchmarks.corpus.shot import Sensor

Plane = npt.NDArray[Any]  # 32-bit floats, linear light
Picture = npt.NDArray[Any]  # 8 bits, BGR
_GAINS = (1.75, 1.0, 1.9)  # blue, green, red: how much less a white card gives behind those filters
_FULL = 4095
_SAMPLING = {
    444: cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444,
    422: cv2.IMWRITE_JPEG_SAMPLING_FACTOR_422,
    420: cv2.IMWRITE_JPEG_SAMPLING_FACTOR_420,
}


def developed(light: Plane, sensor: Sensor, frame: tuple[int, int], random: np.random.Generator) -> bytes:
    """The JPEG that the camera hands out. `light` is linear BGR where 1 saturates."""
    picture = cv2.demosaicing(_read_out(light, sensor, random), _demosaicing(sensor))
    if sensor.denoise:
        picture = cv2.GaussianBlur(picture, (0, 0), sensor.denoise)
    shown = _balanced(picture, sensor)
    if (shown.shape[1], shown.shape[0]) != frame:
        smaller = shown.shape[1] > frame[0]
        shown = cv2.resize(shown, frame, interpolation=cv2.INTER_AREA if smaller else cv2.INTER_LINEAR)
    if sensor.sharpen:
        soft = cv2.GaussianBlur(shown, (0, 0), sensor.sharpen_sigma)
        shown = cv2.addWeighted(shown, 1 + sensor.sharpen, soft, -sensor.sharpen, 0)
    encoded = _encoded(shown, sensor.quality, sensor.colours)
    if sensor.again:
        once = cv2.imdecode(np.frombuffer(encoded, np.uint8), cv2.IMREAD_COLOR)
        assert once is not None
        encoded = _encoded(once.astype(np.uint8), sensor.again, sensor.colours)
    return encoded


def _read_out(light: Plane, sensor: Sensor, random: np.random.Generator) -> npt.NDArray[Any]:
    """The raw mosaic, red first: photons counted (their scatter as a normal one, which from twenty on it is), noise of
    the read-out, of its rows, and clipping."""
    raw = light[..., 1].copy()
    raw[0::2, 0::2] = light[0::2, 0::2, 2] / np.float32(_GAINS[2])
    raw[1::2, 1::2] = light[1::2, 1::2, 0] / np.float32(_GAINS[0])
    np.clip(raw, 0, 1, out=raw)
    raw *= np.float32(sensor.electrons)
    raw += random.standard_normal(raw.shape, np.float32) * np.sqrt(raw + np.float32(sensor.read_noise**2))
    if sensor.row_noise:
        raw += random.normal(0, sensor.row_noise, (len(raw), 1)).astype(np.float32)
    raw *= np.float32(_FULL / sensor.electrons)
    return np.clip(raw, 0, _FULL, out=raw).astype(np.uint16)


def _demosaicing(sensor: Sensor) -> int:
    return cv2.COLOR_BayerRGGB2BGR_EA if sensor.smooth_demosaic else cv2.COLOR_BayerRGGB2BGR


def _balanced(picture: npt.NDArray[Any], sensor: Sensor) -> Picture:
    """White balance and tone curve, channel by channel."""
    channels = [_curve(gain, sensor.gamma, sensor.contrast)[picture[..., at]] for at, gain in enumerate(_GAINS)]
    return np.asarray(cv2.merge(channels), np.uint8)


@lru_cache(maxsize=256)
def _curve(gain: float, gamma: float, contrast: float) -> Picture:
    """A power of the light with an S over it."""
    tone = np.clip(np.arange(_FULL + 1) / _FULL * gain, 0, 1) ** (1 / gamma)
    bent = tone * tone * (3 - 2 * tone)
    return np.round(255 * (tone + contrast * (bent - tone))).astype(np.uint8)


def _encoded(picture: Picture, quality: int, colours: int) -> bytes:
    options = [cv2.IMWRITE_JPEG_QUALITY, quality, cv2.IMWRITE_JPEG_SAMPLING_FACTOR, _SAMPLING[colours]]
    done, data = cv2.imencode(".jpg", picture, options)
    assert done
    return data.tobytes()
