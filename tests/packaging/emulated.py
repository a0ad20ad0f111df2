"""The arm64 package on a Debian 12 whose programs an emulator runs: no Pi, but every library loaded and at work.

Without qemu's user mode registered with the kernel (binfmt_misc) it cannot be done, and that is said.
"""

import json
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import segno

from sandbox.people import PEOPLE, qr_text
from tests.packaging.container import KEPT, do, mirror

REGISTERED = Path("/proc/sys/fs/binfmt_misc/qemu-aarch64")
RELEASE = "bookworm"
BESIDE = ("python3", "python3-pyscard", "python3-evdev", "pcscd", "libccid", "libzbar0", "tzdata")
NEEDED = ("udev", "systemd")
# Every module of ours and every library of theirs, but for what is a program of its own when imported.
EVERYTHING = """
import importlib, pkgutil
names = []
for package in ("reader", "kiosk", "hisbridge", "ui", "config", "sandbox", "wire", "tiepdon"):
    found = importlib.import_module(package)
    names += [module.name for module in pkgutil.walk_packages(found.__path__, package + ".")]
names += "cv2 numpy PIL.Image zxingcpp pyzbar.pyzbar smartcard.scard evdev sqlcipher3 pyrage argon2 msgspec".split()
names += "cryptography.hazmat.bindings._rust reportlab.pdfgen.canvas xlsxwriter".split()
for name in names:
    if not name.endswith("__main__"):
        importlib.import_module(name)
print(len(names))
"""
# The libraries by themselves: `tiepdon scan image` reads in a child held to little memory, and the emulator needs more.
READ_CODE = "import cv2, zxingcpp; print(zxingcpp.read_barcodes(cv2.imread('/root/code.png'))[0].text)"


def try_out(package: Path) -> Iterator[str]:
    """Install it there and use what needs native code; everything that did not hold."""
    if not REGISTERED.exists():
        sys.stdout.write("arm64: NOT RUN: qemu-aarch64 is not registered here (update-binfmts --enable qemu-aarch64)\n")
        return
    tree = KEPT / "now-arm64"
    shutil.rmtree(tree, ignore_errors=True)
    do("cp", "-a", "--reflink=auto", str(_base()), str(tree))
    try:
        shutil.copyfile(package, tree / "root" / package.name)
        person = PEOPLE[0]
        segno.make(qr_text(person)).save(str(tree / "root" / "code.png"), scale=8)
        python = ("/usr/lib/tiepdon/bin/python3", "-I", "-c")
        for what, command, wanted in (
            ("installed", ("apt-get", "install", "-q", "-y", "--no-install-recommends", f"/root/{package.name}"), ""),
            ("every module imported", (*python, EVERYTHING), ""),
            (
                "a code read from a picture",
                (*python, READ_CODE),
                person.personal_id,
            ),
            ("doctor reports", ("tiepdon", "doctor", "--json"), '"findings"'),
        ):
            started = time.monotonic()
            done = _inside(tree, *command)
            if (done.returncode != 0 and what != "doctor reports") or wanted not in done.stdout:
                yield f"{what}: {done.returncode}\n{done.stdout[-2000:]}{done.stderr[-2000:]}"
                return
            more = f": {_found(done.stdout)}" if what == "doctor reports" else ""
            sys.stdout.write(f"arm64, emulated: {what} ({time.monotonic() - started:.1f} s){more}\n")
            sys.stdout.flush()
    finally:
        shutil.rmtree(tree, ignore_errors=True)


def _base() -> Path:
    """A kept Debian of that architecture with everything the package needs beside it."""
    tree = KEPT / "arm64"
    if not tree.exists():
        part = KEPT / "arm64.part"
        shutil.rmtree(part, ignore_errors=True)
        wanted = ",".join((*BESIDE, *NEEDED))
        options = ("--arch=arm64", "--foreign", "--variant=minbase", f"--include={wanted}")
        do("debootstrap", *options, RELEASE, str(part), mirror())
        do("chroot", str(part), "/debootstrap/debootstrap", "--second-stage")
        part.rename(tree)
    return tree


def _inside(tree: Path, *command: str) -> "subprocess.CompletedProcess[str]":
    surroundings = (
        "env",
        "-i",
        "PATH=/usr/sbin:/usr/bin:/sbin:/bin",
        "LC_ALL=C.UTF-8",
        "DEBIAN_FRONTEND=noninteractive",
    )
    return subprocess.run(
        ["chroot", str(tree), *surroundings, *command],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=1800,
        check=False,
    )


def _found(report: str) -> str:
    findings = json.loads(report)["findings"]
    return ", ".join(sorted({f"{finding['status']} {finding['code']}" for finding in findings if finding["code"]}))
