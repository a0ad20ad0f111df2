"""The kinds of value in the bridge's records: how long a text may be, what a number or a date looks like."""

from typing import Annotated

from msgspec import Meta

# How long texts may be: the longest that QĐ 4750 has room for, or more (services.md 3.2, 3.3).
Code = Annotated[str, Meta(max_length=64)]
Name = Annotated[str, Meta(max_length=255)]
LongText = Annotated[str, Meta(max_length=1024)]

PersonalId = Annotated[
    str, Meta(pattern=r"^[0-9]{12}\Z", description="personal ID number, 12 digits", examples=["001303900017"])
]
PartialDate = Annotated[
    str,
    Meta(
        pattern=r"^[0-9]{4}(-[0-9]{2}(-[0-9]{2})?)?\Z",
        description="ISO 8601 date at the precision known",
        examples=["2003-02-14", "1955"],
    ),
]
FullDate = Annotated[
    str, Meta(pattern=r"^[0-9]{4}-[0-9]{2}-[0-9]{2}\Z", description="ISO 8601 date", examples=["2026-11-21"])
]
ExpiryDate = Annotated[
    str,
    Meta(
        pattern=r"^([0-9]{4}-[0-9]{2}-[0-9]{2}|none)\Z",
        description="ISO 8601 date, or `none` for a card without expiry",
        examples=["2028-02-14", "none"],
    ),
]
Moment = Annotated[
    str,
    Meta(
        pattern=r"^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,6})?(Z|[+-][0-9]{2}:[0-9]{2})\Z",
        description="RFC 3339 moment with its offset",
        examples=["2026-11-21T07:45:00+07:00"],
    ),
]
FacilityCode = Annotated[
    str,
    Meta(
        pattern=r"^[0-9A-Z]{0,5}\Z",
        description="facility code (MA_CSKCB), 5 characters; empty when not known",
        examples=["01028"],
    ),
]

CardNumber = Annotated[
    str,
    Meta(
        pattern=r"^([A-Z]{2}[1-5][0-9]{12}|[0-9]{10})\Z",
        description="health insurance card: 15 characters, or the 10 digits of the social security number",
        examples=["GD4000000000000", "0000000000"],
    ),
]
PreviousId = Annotated[str, Meta(pattern=r"^[0-9]{9}\Z", description="earlier ID number (CMND), 9 digits")]
