"""Where answers come from besides the keyboard: a file, the boot partition, a stick, an address that answers once.

An address is `https://server/path#TOKEN`, as a code on a screen holds it: the token goes as a header and never into the
line of the request, where logs keep it. `#TOKEN&pin=FINGERPRINT` names the server's certificate too, so that nobody has
to carry an authority's file. Whatever comes is judged by `answers`.
"""

import os
import queue
import re
import stat
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urldefrag, urlsplit

from tiepdon.setup.answers import MOST_BYTES, Answers, parse
from tiepdon.setup.devices import Found
from wire.errors import TiepDonError

BOOT = ("boot/firmware/tiepdon.toml", "boot/tiepdon.toml")
STICKS = ("media/*/tiepdon.toml", "media/*/*/tiepdon.toml", "run/media/*/*/tiepdon.toml", "mnt/tiepdon.toml")
FETCH_SECONDS = 20.0
BAUD_RATE = 115_200  # of a scanner that acts as a USB serial line any will do
PIN = "&pin="  # then the SHA-256 of the server's certificate (DER), 64 hexadecimal digits
_TOKEN = re.compile(r"[!-~]{1,512}")
_PIN = re.compile(r"[0-9A-Fa-f]{64}")


class SourceUnusable(TiepDonError):
    """The file or address with the answers cannot be read (`why`). Never with its token."""

    code = "setup.source"


class SourceUntrusted(TiepDonError):
    """The server with the answers is not proven to be the one that was meant (`why`); it got no token."""

    code = "setup.untrusted"


class NothingFound(TiepDonError):
    """Neither the boot partition nor a stick holds a tiepdon.toml."""

    code = "setup.nothing_found"


@dataclass(frozen=True, repr=False)
class Source:
    """`name`: as people are told. `removable`: it lies on the machine's own boot partition, where its secrets must not
    stay."""

    name: str
    answers: Answers
    boot_file: Path | None = None


def found(root: Path = Path("/")) -> Path | None:
    """The first file that waits on the boot partition or a stick."""
    for pattern in (*BOOT, *STICKS):
        for path in sorted(root.glob(pattern)):
            return path
    return None


def from_file(file: Path, root: Path = Path("/")) -> Source:
    """Raises SourceUnusable, AnswersUnusable. Opens no pipe and no device, follows no link."""
    try:
        descriptor = os.open(file, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        with os.fdopen(descriptor, "rb") as opened:
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                raise SourceUnusable(why="no file")
            content = opened.read(MOST_BYTES + 1)
    except OSError as error:
        raise SourceUnusable(file=str(file), why=error.strerror) from None
    own = any(file == root / place for place in BOOT)
    return Source(str(file), parse(content), file if own else None)


@dataclass(frozen=True, repr=False)
class Address:
    """Where answers wait: `pin` is the fingerprint of the server's certificate, None where authorities are asked."""

    url: str
    token: str
    pin: bytes | None = None

    def __str__(self) -> str:
        return f"{self.url}#{self.token}" + (f"{PIN}{self.pin.hex()}" if self.pin is not None else "")


def address_of(text: str) -> Address:
    """Raises SourceUnusable. A pin that is none is refused, never passed over."""
    url, fragment = urldefrag(text.strip())
    token, marked, pin = fragment.partition(PIN)
    try:
        parts = urlsplit(url)
        usable = parts.scheme == "https" and parts.hostname and "@" not in parts.netloc and parts.port != 0
    except ValueError:
        usable = False
    if not usable:
        raise SourceUnusable(why="an address that begins with https:// is wanted")
    if not _TOKEN.fullmatch(token):
        raise SourceUnusable(why="the address holds no token behind #")
    if marked and not _PIN.fullmatch(pin):
        raise SourceUnusable(why=f"behind {PIN} 64 hexadecimal digits are wanted")
    return Address(url, token, bytes.fromhex(pin) if marked else None)


def from_address(text: str, ca_file: str = "", monotonic: Callable[[], float] = time.monotonic) -> Source:
    """Ask once, over TLS that is judged. Raises SourceUnusable, SourceUntrusted, AnswersUnusable, PortalCaFile."""
    from hisbridge.errors import PortalCertificate, PortalError
    from hisbridge.http import Poster, Question
    from hisbridge.trust import pinned, trust

    address = address_of(text)
    post = Poster(MOST_BYTES, trust(ca_file) if address.pin is None else pinned(address.pin))
    authorization = {"Authorization": f"Bearer {address.token}"}
    question = Question(address.url, b"", "", {}, "GET", authorization, repeatable=False)
    try:
        answer = post(question, monotonic() + FETCH_SECONDS)
    except PortalCertificate as error:
        raise SourceUntrusted(**error.data) from None
    except PortalError as error:
        raise SourceUnusable(why=error.code.rpartition(".")[2]) from None
    finally:
        post.close()
    if answer.status != 200:  # a redirect too: what another server says was not meant
        raise SourceUnusable(why=f"status {answer.status}")
    return Source(f"https://{urlsplit(address.url).hostname}", parse(answer.body))


def from_devices(found: Found, seconds: float) -> str:
    """The first address that is held up to a serial scanner or a camera that is plugged in. Raises SourceUnusable."""
    from config.settings import CameraSettings
    from reader.optical.camera import CameraSource
    from reader.scanner.serial import SerialScanner

    seen: queue.SimpleQueue[str] = queue.SimpleQueue()
    stop = threading.Event()
    runs: list[Callable[[Callable[[str], None], threading.Event], None]] = [
        *(SerialScanner(device, BAUD_RATE, time.monotonic).run for device in found.scanners),
        *(CameraSource(CameraSettings(device=one), one, time.monotonic).run for one in found.cameras),
    ]
    threads = [threading.Thread(target=run, args=(seen.put, stop), daemon=True) for run in runs]
    for thread in threads:
        thread.start()
    until = time.monotonic() + seconds
    try:
        while (left := until - time.monotonic()) > 0:
            lines = (line.strip() for line in seen.get(timeout=left).splitlines())
            # Somebody's card that is held up meanwhile is not meant.
            if (address := next((line for line in lines if line.startswith("https://")), None)) is not None:
                return address
    except queue.Empty:
        pass
    finally:
        stop.set()
    raise SourceUnusable(why="no code with an address was held up")


def forget(file: Path) -> None:
    """Write over a file with secrets and remove it. Raises OSError. What flash memory keeps of it nobody can say."""
    with file.open("r+b") as opened:
        opened.write(bytes(file.stat().st_size))
        opened.flush()
        os.fsync(opened.fileno())
    file.unlink()
