"""`tiepdon scan`: what codes say, for technicians and integrators: as text, in image files, before a camera.

Each way is a module of its own; must not load a device library, so that `scan text` runs where there is none.
"""

import argparse

from tiepdon.commands import scan_camera, scan_image, scan_text


def register(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add `scan` and its own commands."""
    scan = subparsers.add_parser("scan", help="read codes: as text, in image files, before a camera")
    commands = scan.add_subparsers(metavar="COMMAND", required=True)
    for module in (scan_text, scan_image, scan_camera):
        module.register(commands)
