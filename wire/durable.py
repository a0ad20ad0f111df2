"""Files that a power cut leaves whole or not at all, and whose name is on the disk too.

The one way to write what has to be there afterwards. Must not import any other module of ours.
"""

import errno
import os
import threading
from contextlib import suppress
from pathlib import Path

_BLOCK = 1 << 20


def write_durably(path: Path, content: bytes) -> None:
    """The file is there whole or not at all, for its owner alone. Raises OSError; then it is as it was."""
    # Two processes may write the same file at once: each has a file of its own until its content is whole.
    part = path.with_name(f"{path.name}.{threading.get_native_id()}.part")
    try:
        put(part, content)
        give_to_owner(part)
        part.replace(path)
    except BaseException:
        with suppress(OSError):
            part.unlink(missing_ok=True)
        raise
    sync(path.parent)


def put(path: Path, content: bytes, mode: int = 0o600) -> None:
    """A file made anew, its content durable; whoever renames it into place makes the name so (`sync`).

    What lies under that name goes first, so that nothing is ever written through a link. Raises OSError.
    """
    path.unlink(missing_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    with os.fdopen(descriptor, "wb") as file:
        os.fchmod(descriptor, mode)  # whatever the umask leaves of it
        file.write(content)
        file.flush()
        os.fsync(descriptor)


def sync(path: Path) -> None:
    """Make a file's content, or a folder's names, survive a power cut. Raises OSError."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    except OSError as error:
        # A folder of a file server may know no such thing (fsync(2), EINVAL); there the server sees to it.
        if error.errno != errno.EINVAL or not path.is_dir():
            raise
    finally:
        os.close(descriptor)


def move(source: Path, target: Path) -> None:
    """Rename what is there, durably; what is not there is left out. Raises OSError."""
    try:
        source.replace(target)
    except FileNotFoundError:
        return
    sync(target.parent)


def give_to_owner(path: Path) -> None:
    """What root makes by hand belongs to whom its folder belongs to: the processes have to open it. Raises OSError."""
    if os.geteuid() == 0:
        folder = path.parent.stat()
        os.chown(path, folder.st_uid, folder.st_gid)


def overwrite(path: Path) -> None:
    """Write over a file's content and remove it; its name is gone for good after `sync` of the folder. Raises OSError.

    On a spinning disk that ends it. Flash memory writes elsewhere and keeps the old cells until it needs them:
    docs/decisions/0017 says what that means for a card.
    """
    with path.open("r+b") as content:
        left = path.stat().st_size
        while left > 0:
            content.write(os.urandom(min(left, _BLOCK)))
            left -= _BLOCK
        content.flush()
        os.fsync(content.fileno())
    path.unlink()
