"""A card as a folder of files, one `<file identifier>.bin` each: written by `card read --save`, judged by `card check`.

The files are personal data: written for their owner's eyes only, and only where somebody asked for it.
"""

from collections.abc import Mapping
from pathlib import Path

from reader.chip import files, judgement
from reader.chip.task import CardRead, Surroundings
from reader.reading import Check, Checks
from tiepdon.commands.card_output import OutputUnwritable, private_file
from wire.errors import TiepDonError

_NOT_LIVE = "check.without_card"


class FolderUnusable(TiepDonError):
    """The folder of a card's files is not there, or a file in it cannot be read (`file`, `why`)."""

    code = "card.folder_unusable"


def load(folder: Path) -> dict[str, bytes]:
    """The elementary files in a folder, by name. Raises FolderUnusable."""
    known = {f"{file.file_id:04X}.BIN": file for file in files.LDS}
    contents: dict[str, bytes] = {}
    try:
        for path in sorted(folder.iterdir()):
            file = known.get(path.name.upper())
            if file is not None and path.is_file():
                contents[file.name] = _read(path, file.limit)
    except OSError as error:
        raise FolderUnusable(file=folder.name, why=error.strerror or "unreadable") from None
    if not contents:
        raise FolderUnusable(file=folder.name, why="no <file identifier>.bin in it")
    return contents


def _read(path: Path, limit: int) -> bytes:
    with path.open("rb") as file:
        data = file.read(limit + 1)
    if len(data) > limit:
        raise FolderUnusable(file=path.name, why="too large")
    return data


def save(folder: Path, contents: Mapping[str, bytes]) -> None:
    """Write each file as `<file identifier>.bin`. Raises OutputUnwritable."""
    numbers = {file.name: file.file_id for file in files.LDS}
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise OutputUnwritable(file=folder.name, why=error.strerror or "unwritable") from None
    for name, number in numbers.items():
        if name in contents:
            with private_file(folder / f"{number:04X}.bin") as file:
                file.write(contents[name])


def judge(contents: Mapping[str, bytes], world: Surroundings) -> CardRead:
    """What the files alone prove; what needs the living chip is `not_done`. Raises CardBroken."""
    now = world.utc_now()
    warnings: list[str] = []
    identity = judgement.identify(contents, now)
    proof = judgement.take_proof(contents.get(files.SOD.name))
    verdicts = judgement.judge(proof, contents, world.trust, now)
    judgement.require_understood(identity, verdicts)
    judgement.look_over(contents, warnings)
    portraits = judgement.portraits(contents, warnings)
    absent = Check(reason=_NOT_LIVE)
    checks = Checks(
        access=absent,
        hashes=verdicts.hashes,
        signature=verdicts.signature,
        chain=verdicts.chain,
        chip_authentication=absent,
        active_authentication=absent,
        agreement=identity.agreement,
    )
    reading = judgement.reading(
        world.new_id(),
        identity.holder,
        identity.document,
        checks,
        (*warnings, *identity.warnings, *verdicts.warnings),
        now,
    )
    return CardRead(
        reading=reading,
        portraits=portraits,
        contents=dict(contents),
        apdus=0,
        bytes_sent=0,
        bytes_received=0,
        apdus_to_name=0,
        apdus_to_proof=0,
        timings_ms={"total": 0.0},
    )
