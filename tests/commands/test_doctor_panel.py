"""The doctor tells a panel on which letters cannot be as large as people need them."""

from pathlib import Path

import pytest

from config.settings import Settings, load
from tiepdon.checks.finding import Status
from tiepdon.checks.machine import Machine
from tiepdon.checks.panel import look_at_panel
from wire.codec import from_plain, to_plain


def kiosk(distance_cm: int = 60, pixels_per_mm: float = 6.65) -> Settings:
    plain = to_plain(load())
    plain["kiosk"]["pixels_per_mm"] = pixels_per_mm
    plain["kiosk"]["display"]["distance_cm"] = distance_cm
    return from_plain(plain, Settings)


def machine(root: Path, modes: str, status: str = "connected\n") -> Machine:
    folder = root / "sys/class/drm/card0-DSI-1"
    folder.mkdir(parents=True)
    (folder / "status").write_text(status)
    (folder / "modes").write_text(modes)
    return Machine(root)


@pytest.mark.parametrize(
    ("modes", "settings", "code"),
    [
        ("1024x600\n800x480\n", kiosk(), None),
        ("1024x600\n", kiosk(distance_cm=75), "panel.small"),
        ("1280x800\n", kiosk(distance_cm=75, pixels_per_mm=5.9), None),
        ("1920x1080\n", kiosk(distance_cm=100, pixels_per_mm=5.58), None),
        ("1080x1920\n", kiosk(distance_cm=100, pixels_per_mm=5.58), None),
        ("1920x1080i\n", kiosk(distance_cm=150, pixels_per_mm=5.58), "panel.small"),
        ("800x480\n", kiosk(), "panel.small"),
        ("1024x600\n", kiosk(pixels_per_mm=9.0), "panel.small"),
    ],
)
def test_a_panel_too_small_for_its_distance_is_told(
    tmp_path: Path, modes: str, settings: Settings, code: str | None
) -> None:
    [found] = look_at_panel(settings, machine(tmp_path, modes))
    assert found.code == code
    assert found.status is (Status.WARN if code else Status.OK)


@pytest.mark.parametrize(("modes", "status"), [("", "connected"), ("1024x600", "disconnected"), ("odd", "connected")])
def test_a_machine_without_a_panel_is_no_problem(tmp_path: Path, modes: str, status: str) -> None:
    [found] = look_at_panel(kiosk(), machine(tmp_path, modes, status))
    assert (found.status, found.code, found.data["panels"]) == (Status.OK, None, 0)
