"""Other ways to read the same files through the same secure messaging, to be measured beside ours.

`blocks`: SELECT, four bytes of header, then blocks of one size, as most open readers do (chip.md 2.6 and 3.1).
`one_per_file`: every length known beforehand and one command for each file, the fewest there can be.
"""

from collections.abc import Callable, Sequence

from reader.chip import apdu, chip_authentication, files, genuineness
from reader.chip.access import Opened, Randomness
from reader.chip.channel import Sender
from reader.chip.files import ElementaryFile

HEADER = 4
GROUPS = (files.DG13, files.DG1, files.SOD, files.DG14, files.DG2)

Strategy = Callable[[Opened, Sequence[ElementaryFile], dict[str, int], Randomness], None]


def blocks(size: int) -> Strategy:
    """EF.COM first, then every file by SELECT, header and blocks of `size` bytes; no chip authentication."""

    def run(opened: Opened, wanted: Sequence[ElementaryFile], lengths: dict[str, int], _random: Randomness) -> None:
        for file in (files.COM, *wanted):
            _check(opened.channel.send(apdu.select_file(file.file_id)).sw)
            _check(opened.channel.send(apdu.read_current(0, HEADER)).sw)
            for offset in range(HEADER, lengths[file.name], size):
                _check(opened.channel.send(apdu.read_current(offset, min(size, lengths[file.name] - offset))).sw)

    return run


def one_per_file(opened: Opened, wanted: Sequence[ElementaryFile], lengths: dict[str, int], random: Randomness) -> None:
    """One READ BINARY per file by short identifier; chip authentication before the last, as ours."""
    channel: Sender = opened.channel
    content = b""
    for file in wanted[:-1]:
        content = _read(channel, file, lengths)
    infos = genuineness.infos_of(content)
    offer = chip_authentication.choose(infos) if infos is not None else None
    if offer is not None:
        channel = chip_authentication.authenticate(opened.channel, offer, random.scalar)
    _read(channel, wanted[-1], lengths)


def _read(channel: Sender, file: ElementaryFile, lengths: dict[str, int]) -> bytes:
    response = channel.send(apdu.read_by_short_id(file.short_id, lengths[file.name]))
    _check(response.sw)
    assert len(response.data) == lengths[file.name]
    return response.data


def _check(sw: int) -> None:
    assert sw in (apdu.OK, apdu.END_OF_FILE), f"{sw:04X}"
