"""How a long-running process of many threads gives memory back to the machine.

glibc's malloc has an arena for each few threads, and keeps in it whatever was freed there once a larger block than
before was given back (mallopt(3), "dynamic mmap threshold"). Checking one PIN takes 19 MB for a moment
(kiosk/secret_hash.py); without this, each arena in which a PIN was ever checked would hold them for good.
Standard library only.
"""

import ctypes

MMAP_THRESHOLD = 512 * 1024  # bytes; blocks from here on are the kernel's own again as soon as they are freed
ARENAS = 2  # Python's own lock lets one thread compute at a time; more arenas only hold more crumbs

_M_MMAP_THRESHOLD = -3  # malloc.h of glibc
_M_ARENA_MAX = -8


def give_back() -> bool:
    """Set malloc so for this process and those it forks, before it starts threads; False where that cannot be set."""
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError):  # another C library than glibc
        return False
    mallopt.argtypes, mallopt.restype = (ctypes.c_int, ctypes.c_int), ctypes.c_int
    set_arenas = mallopt(_M_ARENA_MAX, ARENAS)
    return bool(mallopt(_M_MMAP_THRESHOLD, MMAP_THRESHOLD) and set_arenas)
