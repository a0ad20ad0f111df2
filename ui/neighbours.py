"""Which user of this machine speaks on a connection over loopback: none but the panel's own may look at its screen.

A Unix socket has an owner and a mode; a TCP port on loopback is open to every user, and browsers speak nothing else.
The kernel knows whose the other end is and says so in `/proc/self/net/tcp` (proc_pid_net(5)). Must not import Flask.
"""

import logging
import os
import pwd
import socket
import struct
from collections.abc import Iterator
from pathlib import Path

from config.settings import Settings

log = logging.getLogger(__name__)

TABLES = {socket.AF_INET: Path("/proc/self/net/tcp"), socket.AF_INET6: Path("/proc/self/net/tcp6")}
MAP, EVERY_USER = Path("/proc/self/uid_map"), ["0", "0", "4294967295"]
ESTABLISHED = "01"  # an end that was closed has no owner any more
LOCAL, REMOTE, STATE, OWNER = 1, 2, 3, 7  # columns


def welcome(settings: Settings) -> frozenset[int] | None:
    """Users who may call the touchscreen's address: this process's own, root, and the one the browser runs as.

    None: everybody of this machine, on a site of synthetic data or where the kernel does not tell.
    """
    if settings.site.synthetic:
        return None
    if not _told_by_kernel():
        log.warning("the kernel does not tell whose a connection is; every user of this machine may see the screen")
        return None
    users = {0, os.geteuid()}
    try:
        users.add(pwd.getpwnam(settings.kiosk.screen_user).pw_uid)
    except KeyError:  # no such user: the browser runs as ours, or does not run here
        log.info("no user of the name in kiosk.screen_user")
    return frozenset(users)


def user_of(client: socket.socket) -> int | None:
    """Whose the other end of an accepted connection is; None where it is of no user of this machine, or left again."""
    try:
        wanted = (_written(client.getpeername()), _written(client.getsockname()), ESTABLISHED)
        for row in _rows(TABLES[client.family]):
            if (row[LOCAL], row[REMOTE], row[STATE]) == wanted:
                return int(row[OWNER])
    except (OSError, KeyError):
        return None
    return None


def _told_by_kernel() -> bool:
    """In a user namespace of our own every other user would look like nobody, the panel's too (user_namespaces(7))."""
    try:
        known = MAP.read_text("ascii").split()
    except OSError:
        return False
    return known == EVERY_USER and os.access(TABLES[socket.AF_INET], os.R_OK)


def _rows(table: Path) -> Iterator[list[str]]:
    with table.open(encoding="ascii") as lines:
        next(lines)
        for line in lines:
            yield line.split()


def _written(address: tuple[str, int]) -> str:
    """As the kernel writes it: words of 32 bits in the machine's own order, then the port."""
    host, port = address[:2]
    packed = socket.inet_pton(socket.AF_INET6 if ":" in host else socket.AF_INET, host)
    words = struct.unpack(f"={len(packed) // 4}I", packed)
    return "".join(f"{word:08X}" for word in words) + f":{port:04X}"
