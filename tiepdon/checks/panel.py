"""Looks whether the panel has room for letters that can be read from where people stand. Never stops the check-in."""

from collections.abc import Iterator
from pathlib import Path

from config.settings import Settings
from tiepdon.checks.finding import Finding, Status
from tiepdon.checks.machine import Machine
from wire.errors import Datum

PANEL = "panel"
NEAR_CM = 60  # capitals of 7.3 mm are read from here (EN 301 549, 5.1.4)
LYING = (154.0, 90.2)  # mm; what the screens are laid out for at that distance: ui/static/touchscreen.css, --mm
UPRIGHT = (108.0, 190.0)


def look_at_panel(settings: Settings, machine: Machine) -> Iterator[Finding]:
    """Every screen reaches its letters' size where the panel is as large as what they are laid out for, grown with the
    distance of the eyes. On a smaller one the fullest screens keep smaller letters."""
    display, pixels_per_mm = settings.kiosk.display, settings.kiosk.pixels_per_mm
    far = max(1.0, display.distance_cm / NEAR_CM)
    pixels = _panels(machine.root / "sys/class/drm")
    data: dict[str, Datum] = {"distance_cm": display.distance_cm, "pixels_per_mm": pixels_per_mm}
    if not pixels:
        yield Finding(probe=PANEL, status=Status.OK, data={**data, "panels": 0})
        return
    for width, height in pixels:
        size = (width / pixels_per_mm, height / pixels_per_mm)
        # A panel may be mounted upright and turned by the compositor: the kernel does not know.
        wide = any(_holds(size, layout, far) or _holds(size[::-1], layout, far) for layout in (LYING, UPRIGHT))
        told = {**data, "pixels": f"{width}x{height}", "millimetres": f"{size[0]:.0f}x{size[1]:.0f}"}
        yield Finding(
            probe=PANEL, status=Status.OK if wide else Status.WARN, code=None if wide else "panel.small", data=told
        )


def _holds(size: tuple[float, float], layout: tuple[float, float], far: float) -> bool:
    slack = 0.5  # mm: pixels per mm are written with two decimals
    return all(there + slack >= needed * far for there, needed in zip(size, layout, strict=True))


def _panels(folder: Path) -> list[tuple[int, int]]:
    """The mode of each connected panel: the first that the kernel names is the panel's own."""
    found = []
    for status in sorted(folder.glob("*/status")):
        try:
            modes = status.with_name("modes").read_text("ascii").split()
            connected = status.read_text("ascii").strip() == "connected"
            width, _, height = modes[0].rstrip("ip").partition("x") if connected and modes else ("", "", "")
            if width:
                found.append((int(width), int(height)))
        except (OSError, ValueError):
            continue
    return found
