"""A finger on a touch panel that the kernel itself believes in (uinput): runs inside the machine with its own Python.

Usage: touch.py X Y WIDTH HEIGHT; waits until a compositor has opened the panel, and presses there once.
"""

import os
import sys
import time
from pathlib import Path

from evdev import AbsInfo, UInput
from evdev import ecodes as e

OPENED_SECONDS = 120


def held(place: str) -> bool:
    """Whether a process besides this one has it open."""
    for link in Path("/proc").glob("[0-9]*/fd/*"):
        try:
            if link.parts[2] != str(os.getpid()) and str(link.readlink()) == place:
                return True
        except OSError:
            continue
    return False


x, y, width, height = (int(float(word)) for word in sys.argv[1:])
# A panel says how large it is: without a resolution libinput takes it for broken.
across, down = AbsInfo(0, 0, width - 1, 0, 0, 7), AbsInfo(0, 0, height - 1, 0, 0, 7)
axes = [
    *((e.ABS_X, across), (e.ABS_Y, down), (e.ABS_MT_SLOT, AbsInfo(0, 0, 9, 0, 0, 0))),
    *(
        (e.ABS_MT_TRACKING_ID, AbsInfo(0, 0, 65535, 0, 0, 0)),
        (e.ABS_MT_POSITION_X, across),
        (e.ABS_MT_POSITION_Y, down),
    ),
]
panel = UInput({e.EV_KEY: [e.BTN_TOUCH], e.EV_ABS: axes}, name="panel", input_props=[e.INPUT_PROP_DIRECT])
until = time.monotonic() + OPENED_SECONDS
while not held(panel.device.path):
    if time.monotonic() > until:
        sys.exit("no compositor opened the panel")
    time.sleep(0.2)


def tell(*events: "tuple[int, int, int]") -> None:
    """One report of the panel."""
    for kind, code, value in events:
        panel.write(kind, code, value)
    panel.syn()


place = [
    (e.EV_ABS, e.ABS_MT_POSITION_X, x),
    (e.EV_ABS, e.ABS_MT_POSITION_Y, y),
    (e.EV_ABS, e.ABS_X, x),
    (e.EV_ABS, e.ABS_Y, y),
]
tell((e.EV_ABS, e.ABS_MT_SLOT, 0), (e.EV_ABS, e.ABS_MT_TRACKING_ID, 7), *place, (e.EV_KEY, e.BTN_TOUCH, 1))
time.sleep(0.1)
tell((e.EV_ABS, e.ABS_MT_TRACKING_ID, -1), (e.EV_KEY, e.BTN_TOUCH, 0))
time.sleep(0.5)  # the compositor reads it before the panel is pulled out again
