"""What keeps a file from being put into a folder. No record is to blame: all wait, and go as soon as it is mended."""

import errno

from hisbridge.errors import DestinationUnreachable


class DropFailed(DestinationUnreachable):
    """The file system refuses for a reason that has no word of its own here (`why`: name of the errno)."""

    code = "file_drop.failed"


class DropFolderMissing(DropFailed):
    """The folder, or the marker that has to lie in it, is not there; perhaps a share that is not mounted."""

    code = "file_drop.folder_missing"


class DropNotWritable(DropFailed):
    """The folder is read-only or not ours to write to."""

    code = "file_drop.not_writable"


class DropDiskFull(DropFailed):
    """No space, or the quota of the folder is used up."""

    code = "file_drop.disk_full"


class DropFolderFull(DropFailed):
    """So many files lie in the folder that nobody can be emptying it (`waiting`)."""

    code = "file_drop.folder_full"


class DropHangs(DropFailed):
    """The file system did not come back in time: a network share whose server is gone."""

    code = "file_drop.hangs"


_KINDS: dict[int, type[DropFailed]] = {
    errno.ENOENT: DropFolderMissing,
    errno.ENOTDIR: DropFolderMissing,
    errno.ESTALE: DropFolderMissing,
    errno.EACCES: DropNotWritable,
    errno.EPERM: DropNotWritable,
    errno.EROFS: DropNotWritable,
    errno.ENOSPC: DropDiskFull,
    errno.EDQUOT: DropDiskFull,
}


def refused(error: OSError) -> DropFailed:
    """The error of ours for one of the system's; the path stays out of it."""
    number = error.errno or 0
    return _KINDS.get(number, DropFailed)(why=errno.errorcode.get(number, "unknown"))
