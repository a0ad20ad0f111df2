"""Signed calls to an address of the receiver's own: the PatientRecord as it is, or the dangky-kcb contract."""

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from config.destinations.base import HttpDestination

Sex = Literal["male", "female", "unknown"]
Header = Annotated[str, Meta(pattern=r"^[\x21-\x7e]([\x20-\x7e]{0,254}[\x21-\x7e])?\Z")]
FieldName = Annotated[str, Meta(pattern=r"^[A-Za-z_][A-Za-z0-9_]{0,63}(\.[A-Za-z_][A-Za-z0-9_]{0,63})?\Z")]


class WebhookDestination(HttpDestination, frozen=True, kw_only=True, tag="webhook"):
    """Receives the PatientRecord as JSON, signed with HMAC-SHA256 over key, timestamp and body.

    While a secret is being changed, `next_secret_file` signs too: the receiver takes either.
    """

    secret_file: str
    next_secret_file: str = ""


class RegistrationDestination(HttpDestination, frozen=True, kw_only=True, tag="dangky_kcb"):
    """A hospital system with the kiosk contract of services.md 3.5 (`POST /dangky-kcb`)."""

    merchant_id: Header
    secret_file: str
    path: str = "/dangky-kcb"
    search_path: str = "/benhnhan"  # empty: nobody is asked whether the person is known there
    # The values of these are joined by |, in this order.
    signed_fields: tuple[str, ...] = ("x-merchant-id", "x-timestamp", "SO_GTTT", "HO_TEN", "NGAY_SINH")
    search_signed_fields: tuple[str, ...] = ("x-merchant-id", "x-timestamp", "SO_GTTT", "LOAI_GTTT")
    id_kind: str = "CCCD"  # LOAI_GTTT
    sex_codes: dict[Sex, str] = msgspec.field(default_factory=lambda: {"male": "1", "female": "2", "unknown": "3"})
    date_format: Literal["yyyy-MM-dd", "yyyyMMdd", "dd/MM/yyyy"] = "yyyy-MM-dd"
    district_code: str = ""  # MAHUYEN_CU_TRU since districts are no more (services.md 6.3)
    numbers: tuple[str, ...] = ("GIOI_TINH", "DON_GIA_DICH_VU")  # fields sent as JSON numbers; all others are text
    renamed: dict[str, FieldName] = msgspec.field(  # decision 4750's name = theirs
        default_factory=lambda: {"MATINH_CU_TRU": "MATINH_CUTRU"}
    )
    key_field: str = "DU_PHONG"  # of THONG_TIN_DICH_VU, holds our key; empty: not sent
    services: dict[str, dict[str, str]] = msgspec.field(default_factory=dict)  # service code: fields of DICH_VU
    when_unknown: Literal["staff", "resend"] = "staff"  # a registration was sent and its outcome is not known
    fail_tries: Annotated[int, Meta(ge=1, le=1000)] = 8  # how often 999 is taken as trouble of its own
