"""From the files of a card to what is known and proven, without a card: the part that a folder of files can have too.

Passive authentication, the holder, and whether everything tells the same story. Pure: time, trust and what was
printed come in as arguments. Must not send anything.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta, timezone
from typing import TypeVar

from reader.chip import files
from reader.errors import CardBroken
from reader.lds import com, dg1, dg2, dg7, dg11, dg12, dg13, holder
from reader.lds.portrait import Picture
from reader.pki import passive_authentication
from reader.pki.passive_authentication import SecurityObject, SignedObject, Verdicts
from reader.pki.trust import Trust
from reader.reading import Check, Checks, Document, Evidence, Holder, Outcome, Reading, Source, moment

T = TypeVar("T")
VIETNAM = timezone(timedelta(hours=7))


@dataclass(frozen=True)
class Identity:
    """Who the files say the holder is, and how well they agree. `foreign_layout`: DG13 is there and not understood."""

    holder: Holder
    document: Document
    agreement: Check
    warnings: tuple[str, ...]
    foreign_layout: bool


@dataclass(frozen=True)
class Proof:
    """EF.SOD taken apart, or the verdict that it cannot be. `listed` is the signed list where there is one."""

    signed_object: SignedObject | None
    verdicts: Verdicts = field(default=passive_authentication.ABSENT)

    @property
    def listed(self) -> SecurityObject | None:
        """The signed list of hashes."""
        return self.signed_object.listed if self.signed_object is not None else None

    def lists(self, file: files.ElementaryFile) -> bool:
        """Whether the signed list names this data group; without a list everything may be there."""
        return self.listed is None or files.GROUP_NUMBERS.get(file.name, 0) in self.listed.hashes


def today(now: datetime) -> date:
    """The day in Vietnam at this moment."""
    return now.astimezone(VIETNAM).date()


def early_holder(contents: Mapping[str, bytes]) -> Holder | None:
    """The holder from DG13 alone, for the screen; None when it does not say enough."""
    said = _quietly(dg13.parse, contents.get("dg13"), [], "dg13")
    return holder.from_dg13(said) if said is not None else None


def identify(contents: Mapping[str, bytes], now: datetime, printed: Holder | None = None) -> Identity:
    """The holder from DG13, DG11, DG12 and DG1, compared with each other and with what was `printed` (QR, MRZ, typed).

    Raises CardBroken when DG1 is missing or malformed.
    """
    warnings: list[str] = []
    if "dg1" not in contents:
        raise CardBroken(where="dg1.absent")
    mrz = dg1.parse(contents["dg1"])
    said = _quietly(dg13.parse, contents.get("dg13"), warnings, "dg13")
    details = _quietly(dg11.parse, contents.get("dg11"), warnings, "dg11")
    issue = _quietly(dg12.parse, contents.get("dg12"), warnings, "dg12")
    merged = holder.merge(mrz, said, details, issue, today(now))
    agreement = merged.agreement
    warnings += merged.warnings
    if printed is not None:
        outside = holder.agree_with_printed(merged.holder, mrz, printed)
        agreement = _worse(agreement, outside.check)
        warnings += outside.warnings
    return Identity(
        holder=merged.holder,
        document=merged.document,
        agreement=agreement,
        warnings=tuple(dict.fromkeys(warnings)),
        foreign_layout="dg13" in contents and said is None,
    )


def take_proof(sod: bytes | None) -> Proof:
    """EF.SOD taken apart without believing any of it."""
    if sod is None:
        return Proof(None, passive_authentication.ABSENT)
    try:
        return Proof(passive_authentication.parse(sod))
    except CardBroken:
        return Proof(None, passive_authentication.MALFORMED)


def judge(proof: Proof, contents: Mapping[str, bytes], trust: Trust, now: datetime) -> Verdicts:
    """Hashes, signature and chain over every data group read so far."""
    if proof.signed_object is None:
        return proof.verdicts
    return passive_authentication.check(proof.signed_object, _groups(contents), trust, now)


def with_hashes_of(verdicts: Verdicts, proof: Proof, contents: Mapping[str, bytes]) -> Verdicts:
    """The same verdicts with the hashes of every data group that has been read since."""
    if proof.signed_object is None:
        return verdicts
    return replace(verdicts, hashes=passive_authentication.check_hashes(proof.signed_object.listed, _groups(contents)))


def reading(
    reading_id: str,
    known: Holder,
    document: Document | None,
    checks: Checks,
    warnings: Iterable[str],
    now: datetime,
) -> Reading:
    """The reading as the rest of the product gets it."""
    return Reading(
        reading_id=reading_id,
        holder=known,
        document=document,
        evidence=Evidence(source=Source.CHIP, read_at=moment(now), checks=checks),
        warnings=tuple(dict.fromkeys(warnings)),
    )


def require_understood(identity: Identity, verdicts: Verdicts) -> None:
    """A DG13 that is not understood must be as it was signed: another layout then, and not damage.

    Raises CardBroken.
    """
    if identity.foreign_layout and verdicts.hashes.result is not Outcome.PASSED:
        raise CardBroken(where=dg13.WHERE)


def portraits(contents: Mapping[str, bytes], warnings: list[str]) -> tuple[Picture, ...]:
    """The images of DG2; none, and a warning, when it is malformed."""
    found = _quietly(dg2.parse, contents.get("dg2"), warnings, "dg2")
    if found is None:
        return ()
    warnings += found.warnings
    return found.images


def look_over(contents: Mapping[str, bytes], warnings: list[str]) -> None:
    """Files that decide nothing, read because somebody asked for everything: malformed is a warning."""
    _quietly(com.parse, contents.get("com"), warnings, "com")
    _quietly(dg7.parse, contents.get("dg7"), warnings, "dg7")


def _groups(contents: Mapping[str, bytes]) -> dict[int, bytes]:
    """Data groups by number."""
    return {files.GROUP_NUMBERS[name]: data for name, data in contents.items() if name in files.GROUP_NUMBERS}


def _worse(one: Check, other: Check) -> Check:
    """A disagreement found anywhere counts; agreement found anywhere is more than nothing to compare."""
    for result in (Outcome.FAILED, Outcome.PASSED):
        found = next((check for check in (one, other) if check.result is result), None)
        if found is not None:
            return found
    return one


def _quietly(parse: Callable[[bytes], T], data: bytes | None, warnings: list[str], name: str) -> T | None:
    """Parse a file that decides nothing by itself: malformed, it is a warning and not the end of the reading."""
    if data is None:
        return None
    try:
        return parse(data)
    except CardBroken:
        warnings.append(f"{name}.malformed")
        return None
