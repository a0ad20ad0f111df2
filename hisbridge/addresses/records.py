"""What a free-text address turned out to be; every uncertain point is said, with what may be chosen instead."""

from enum import StrEnum
from typing import Annotated, Literal

from msgspec import Meta

from wire.codec import Record


class Reason(StrEnum):
    """Why an address is read no better; the first that holds, worst first."""

    FOUND = "found"
    NOTHING_FOUND = "nothing_found"  # neither province nor district nor ward
    WARD_UNKNOWN = "ward_unknown"  # no ward of the lists fits what is written
    AMBIGUOUS = "ambiguous"  # several wards fit equally well
    SPLIT = "split"  # the old ward went to several new ones
    EARLIER = "earlier"  # merged, renamed or moved before June 2025; what it may be part of today is offered
    BOTH_ERAS = "both_eras"  # a new ward and an old one of that name lie in different places
    SPELLING = "spelling"  # found under one letter or other accents than written
    DISTRICT_UNKNOWN = "district_unknown"  # something stands between ward and province that no list knows
    MIXED_ERAS = "mixed_eras"  # a ward of one era with a province of the other
    PROVINCE_MISSING = "province_missing"
    DISTRICT_MISSING = "district_missing"  # an old ward without its district, the only one of that name there
    KIND_DIFFERS = "kind_differs"  # found under that name, of another kind than written


class Candidate(Record, frozen=True, kw_only=True):
    """One ward that may be meant, and what it is today (`new_ward_code` is empty where it was split)."""

    era: Literal["old", "new"]
    ward_code: str
    ward: Annotated[str, Meta(description="kind and name", examples=["Phường Ba Đình"])]
    district: str | None = None
    province_code: str
    province: str
    new_ward_code: str | None = None
    new_province_code: str


class Address(Record, frozen=True, kw_only=True):
    """A parsed address. `ward_code` is of `era`; `new_ward_code` of today, and empty rather than guessed."""

    text: str
    era: Annotated[Literal["old", "new", "unknown"], Meta(description="division of the country the codes belong to")]
    province_code: str | None = None
    province: str | None = None
    district_code: str | None = None
    district: Annotated[str | None, Meta(description="old era alone")] = None
    ward_code: str | None = None
    ward: str | None = None
    new_ward_code: Annotated[str | None, Meta(description="the ward today; None where it is not certain")] = None
    new_province_code: Annotated[str | None, Meta(description="the province today")] = None
    detail: Annotated[str, Meta(description="what stands below the ward: house, street, hamlet")] = ""
    confidence: Annotated[
        Literal["high", "low", "none"], Meta(description="high: take it; low: let a person look; none: nothing found")
    ]
    reason: Reason
    candidates: Annotated[
        tuple[Candidate, ...],
        Meta(description="wards to choose from: the parts of a split ward, or all that fit equally well"),
    ] = ()
