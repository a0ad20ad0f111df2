"""The two networks in torch, what they are shown, and how their weights are stored for `zone/network.py`.

The networks' shapes are told twice, here and there; `store` is checked by the reader's own tests.
"""

import time
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
import torch
from torch import nn
from torch.nn import functional

from reader.optical.zone.letters import HEIGHT, PITCH
from reader.optical.zone.network import WEIGHTS
from scripts.train_mrz import scenes

WIDTH = 576  # pixels of a straightened line as shown: thirty letters and three on each side
NONE, IGNORED = 37, -100
_MIDDLE, _BESIDE = 0.19, 0.36  # letters: so near a middle it is that letter, so far from each it is none
_SMALL = (640, 360)


def _convolution(inputs: int, outputs: int, size: Any, stride: int = 1, pad: Any = 1, dilation: int = 1) -> nn.Module:
    convolution = nn.Conv2d(inputs, outputs, size, stride, pad, dilation, bias=False)
    return nn.Sequential(convolution, nn.BatchNorm2d(outputs), nn.ReLU())


def network(name: str) -> nn.Sequential:
    if name == "places":
        return nn.Sequential(
            _convolution(1, 8, 3, stride=2),
            _convolution(8, 16, 3, stride=2),
            _convolution(16, 24, 3),
            _convolution(24, 24, 3, pad=2, dilation=2),
            _convolution(24, 24, 3, pad=4, dilation=4),
            _convolution(24, 24, 3, pad=2, dilation=2),
            nn.Conv2d(24, 4, 1),
            nn.PixelShuffle(2),
        )
    return nn.Sequential(
        _convolution(1, 16, 3),
        nn.MaxPool2d(2),
        _convolution(16, 32, 3),
        nn.MaxPool2d(2),
        _convolution(32, 48, 3),
        nn.MaxPool2d((2, 1)),
        _convolution(48, 96, (4, 3), pad=(0, 1)),
        nn.Dropout(0.1),
        _convolution(96, 64, (1, 3), pad=(0, 1)),
        nn.Conv2d(64, 38, 1),
    )


def contrast(picture: npt.NDArray[np.uint8], window: tuple[int, int], floor: float, border: int) -> Any:
    """As the reader does it before each network."""
    away = picture.astype(np.float32)
    away -= cv2.blur(away, window, borderType=border)
    spread = np.sqrt(np.maximum(cv2.blur(away * away, window, borderType=border), 0))
    return np.clip(away / (spread + floor), -3, 3)


class Letters:
    """Straightened lines, each time a little elsewhere; now and then upside down or mirrored, and then no line."""

    batch = 32

    def __init__(self) -> None:
        self._lines: list[tuple[Any, Any, Any]] = []

    def load(self, file: Path) -> None:
        with np.load(file) as part:
            strips = np.split(part["strips"], np.cumsum(part["widths"])[:-1], axis=1)
            ends = np.cumsum(part["lengths"])[:-1]
            texts, middles = np.split(part["letters"], ends), np.split(part["middles"], ends)
        self._lines += zip((np.ascontiguousarray(strip) for strip in strips), texts, middles, strict=True)

    def sample(self, rng: np.random.Generator) -> tuple[Any, Any]:
        strip, text, middles = self._lines[rng.integers(len(self._lines))]
        scale = PITCH / scenes.PITCH
        across, down = scale * np.exp(rng.normal(0, 0.055)), scale * np.exp(rng.normal(0, 0.09))
        turn, shear = np.tan(np.radians(rng.normal(0, 0.9))), rng.normal(0, 0.05)
        matrix = np.array([[across, down * shear], [across * turn, down]])
        middle = np.array([strip.shape[1] / 2, strip.shape[0] / 2])
        if len(text) > 30:  # a window on a longer line
            middle[0] = (rng.uniform(15, len(text) - 15) + scenes.MARGIN) * scenes.PITCH
        off = np.array([WIDTH / 2 + rng.normal(0, 6), HEIGHT / 2 + rng.normal(0, 1.9)]) - matrix @ middle
        affine = np.concatenate([matrix, off[:, None]], axis=1).astype(np.float32)
        picture = cv2.warpAffine(strip, affine, (WIDTH, HEIGHT), borderMode=cv2.BORDER_REPLICATE)
        picture = _worsened(rng, picture)
        columns = np.arange(WIDTH // 4) * 4 + 1.5
        where = across * middles + matrix[0, 1] * strip.shape[0] / 2 + off[0]
        away = np.abs(columns[:, None] - where[None])
        nearest = away.argmin(axis=1)
        distance = away.min(axis=1) / (across * np.gradient(middles)[nearest])
        truth = np.where(distance < _MIDDLE, text[nearest], np.where(distance < _BESIDE, IGNORED, NONE))
        if rng.random() < 0.12:
            truth[:] = NONE
            kind = rng.random()
            picture = picture[::-1, ::-1] if kind < 0.6 else picture[:, ::-1] if kind < 0.8 else picture[::-1]
        window = (3 * PITCH + 1, HEIGHT + 1)
        return contrast(np.ascontiguousarray(picture), window, 3, cv2.BORDER_REFLECT), truth

    @staticmethod
    def loss(answer: torch.Tensor, truth: torch.Tensor) -> torch.Tensor:
        return functional.cross_entropy(answer[:, :, 0], truth, ignore_index=IGNORED, label_smoothing=0.001)


class Places:
    """Whole pictures made small, each time turned and scaled a little; the truth is the middle of each line."""

    batch = 8

    def __init__(self) -> None:
        self._pictures: list[tuple[Any, Any]] = []

    def load(self, file: Path) -> None:
        with np.load(file) as part:
            lines = np.split(part["places"], np.cumsum(part["lengths"])[:-1])
            for picture, height, count in zip(part["small"], part["heights"], part["lines"], strict=True):
                self._pictures.append((picture[:height].copy(), lines[:count]))
                lines = lines[count:]

    def sample(self, rng: np.random.Generator) -> tuple[Any, Any]:
        picture, lines = self._pictures[rng.integers(len(self._pictures))]
        size = np.exp(rng.uniform(-0.25, 0.25))
        angle = np.radians(rng.uniform(-8, 8)) if rng.random() < 0.5 else 0.0
        angle += np.pi * (rng.random() < 0.5) + np.pi / 2 * (rng.random() < 0.3)
        matrix = size * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
        middle = np.array(picture.shape[::-1]) / 2
        off = np.array(_SMALL) / 2 - matrix @ middle + rng.normal(0, 25, 2)
        affine = np.concatenate([matrix, off[:, None]], axis=1).astype(np.float32)
        border = cv2.BORDER_REFLECT_101 if rng.random() < 0.5 else cv2.BORDER_REPLICATE
        seen = cv2.warpAffine(picture, affine, _SMALL, borderMode=border)
        if rng.random() < 0.2:
            seen = cv2.GaussianBlur(seen, (0, 0), rng.uniform(0.3, 1))
        # Two planes: what is true, and how much it matters (a line's edges are neither).
        truth = np.zeros((2, _SMALL[1] // 2, _SMALL[0] // 2), np.float32)
        truth[1] = 1
        for line in lines:
            ends = (line @ matrix.T + off - 0.5) / 2
            step = (ends[-1] - ends[0]) / (len(ends) - 1)
            drawn = np.concatenate([[ends[0] - 0.4 * step], ends, [ends[-1] + 0.4 * step]])
            points = [(drawn * 16).round().astype(np.int32)]
            pitch = float(np.linalg.norm(step))
            around, core = np.zeros((2, *truth.shape[1:]), np.uint8)
            cv2.polylines(around, points, False, 1, max(2, round(pitch * 1.05)), 8, 4)
            cv2.polylines(core, points, False, 1, max(1, round(pitch * 0.5)), 8, 4)
            truth[1][(around > 0) & (core == 0) & (truth[0] == 0)] = 0.25
            truth[:, core > 0] = 1
        return contrast(seen, (25, 25), 4, cv2.BORDER_DEFAULT), truth

    @staticmethod
    def loss(answer: torch.Tensor, truth: torch.Tensor) -> torch.Tensor:
        each = functional.binary_cross_entropy_with_logits(
            answer[:, 0], truth[:, 0], reduction="none", pos_weight=torch.tensor(3.0)
        )
        return (each * truth[:, 1]).mean()


def _worsened(rng: np.random.Generator, picture: Any) -> Any:
    if rng.random() < 0.15:
        picture = cv2.GaussianBlur(picture, (0, 0), rng.uniform(0.4, 1.6))
    if rng.random() < 0.2:
        picture = np.clip(picture + rng.normal(0, rng.uniform(2, 14), picture.shape), 0, 255).astype(np.uint8)
    if rng.random() < 0.1:
        picture = np.clip(picture * rng.uniform(0.2, 0.8) + rng.uniform(0, 60), 0, 255).astype(np.uint8)
    if rng.random() < 0.15:  # strokes across the letters, light or dark
        for _ in range(rng.integers(1, 6)):
            ends = [(int(rng.integers(0, WIDTH)), int(rng.integers(-10, HEIGHT + 10))) for _ in range(2)]
            cv2.line(picture, ends[0], ends[1], int(rng.integers(40, 255)), 1, cv2.LINE_AA)
    return picture


def teach(name: str, folder: Path, minutes: float, rate: float) -> None:
    """Teach for so many minutes of processor time, on from what `folder` holds of this network."""
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    state = folder / f"{name}.pt"
    pupil = network(name).to(memory_format=torch.channels_last)
    if state.exists():
        pupil.load_state_dict(torch.load(state))
    shown: Letters | Places = Letters() if name == "letters" else Places()
    for file in sorted(folder.glob("part*.npz")):
        shown.load(file)
    adjuster = torch.optim.AdamW(pupil.parameters(), lr=rate, weight_decay=1e-3)
    rng = np.random.default_rng(time.time_ns())
    begun, step = time.process_time(), 0
    while (spent := (time.process_time() - begun) / 60 / minutes) < 1:
        for group in adjuster.param_groups:
            group["lr"] = rate * min(1, (step + 1) / 100) * (0.51 + 0.5 * np.cos(np.pi * spent))
        seen, truth = zip(*(shown.sample(rng) for _ in range(shown.batch)), strict=True)
        pictures = torch.from_numpy(np.stack(seen)[:, None]).to(memory_format=torch.channels_last)
        # Half precision is three times as fast on processors that have it; dilated layers come out wrong in it.
        with torch.autocast("cpu", torch.bfloat16, enabled=name == "letters"):
            answer = pupil(pictures)
        loss = shown.loss(answer.float(), torch.from_numpy(np.stack(truth)))
        adjuster.zero_grad()
        loss.backward()
        adjuster.step()
        step += 1
        if step % 100 == 0:
            print(f"{name}: {step} steps, {spent:.0%}, loss {loss.item():.4f}", flush=True)
            torch.save(pupil.state_dict(), state)
    torch.save(pupil.state_dict(), state)


def store(folder: Path) -> None:
    """Both networks with their normalisation folded in, eight bits a weight and a scale for each output."""
    stored: dict[str, Any] = {}
    for name, prefix in (("places", "place"), ("letters", "letter")):
        taught = network(name)
        taught.load_state_dict(torch.load(folder / f"{name}.pt"))
        for number, (weights, bias) in enumerate(_layers(taught)):
            scale = np.abs(weights).max(axis=(0, 1, 2)) / 127 + 1e-12
            stored[f"{prefix}.{number}.weights"] = np.round(weights / scale).astype(np.int8)
            stored[f"{prefix}.{number}.scale"] = scale.astype(np.float32)
            stored[f"{prefix}.{number}.bias"] = bias.astype(np.float32)
    np.savez_compressed(WEIGHTS, **stored)
    print(f"{WEIGHTS}: {WEIGHTS.stat().st_size} bytes")


def _layers(taught: nn.Sequential) -> list[tuple[Any, Any]]:
    """Rows x columns x inputs x outputs and the bias of each convolution."""
    layers = []
    parts = [part for part in taught.modules() if isinstance(part, nn.Conv2d | nn.BatchNorm2d)]
    for part, following in zip(parts, [*parts[1:], None], strict=True):
        if isinstance(part, nn.Conv2d):
            weights = part.weight.detach().numpy()
            bias = part.bias.detach().numpy() if part.bias is not None else np.zeros(len(weights))
            if isinstance(following, nn.BatchNorm2d):
                gain = (following.weight / torch.sqrt(following.running_var + following.eps)).detach().numpy()
                weights = weights * gain[:, None, None, None]
                bias = (bias - following.running_mean.numpy()) * gain + following.bias.detach().numpy()
            layers.append((weights.transpose(2, 3, 1, 0), bias))
    return layers
