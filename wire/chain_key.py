"""What a connection needs for writing the audit: its key, the machine's running clock, which start of it this is.

The key lies in the connection as SQL functions, so that whoever notes something holds no key, and none goes through a
signature. Must not import wire.database: that one calls it.
"""

import hashlib
import hmac
import time
from collections.abc import Callable
from pathlib import Path

from wire import sqlite
from wire.keys import KEY_BYTES, derived

PURPOSE = b"tiepdon audit 1"  # of the site's key
_BOOT = Path("/proc/sys/kernel/random/boot_id")  # random(4): another one at each start of the machine


def audit_key(site_key: bytes | None) -> bytes:
    """The audit's own key. Without a site's key (the sandbox) the chain shows what broke by accident, not by intent."""
    return derived(site_key if site_key is not None else bytes(KEY_BYTES), PURPOSE)


def boot_id() -> str:
    """Which start of the machine this is; empty where the kernel does not tell."""
    try:
        return _BOOT.read_text("ascii").strip()
    except OSError:
        return ""


def attach(
    connection: sqlite.Connection,
    key: bytes,
    ticks: Callable[[], float] = time.monotonic,
    boot: Callable[[], str] = boot_id,
) -> None:
    """Let this connection write and judge the audit with a key of `audit_key`; a later call puts another key there.

    `ticks`: seconds that never go back within one start of the machine; `boot`: the name of that start.
    """
    connection.create_function(
        "audit_mac", 2, lambda before, row: hmac.digest(key, before + row, hashlib.sha256), deterministic=True
    )
    name = boot()
    connection.create_function("audit_ticks", 0, lambda: round(ticks(), 3))
    connection.create_function("audit_boot", 0, lambda: name)
