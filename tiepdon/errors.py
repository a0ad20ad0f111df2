"""What can go wrong with the command line itself."""

from wire.errors import TiepDonError


class AlreadyRunning(TiepDonError):
    """Another `tiepdon run` uses the same folder (`folder`)."""

    code = "run.already_running"
    retriable = True


class DidNotStart(TiepDonError):
    """A process did not become ready in time (`process`); its log lines say why."""

    code = "run.did_not_start"
    retriable = True


class FolderUnusable(TiepDonError):
    """The folder of the run cannot be made or written (`folder`, `why`: the system's word for it)."""

    code = "run.folder_unusable"


class AddressInUse(TiepDonError):
    """The port that was asked for is taken or not ours to take (`address`, `why`: the system's word for it)."""

    code = "run.address_in_use"
