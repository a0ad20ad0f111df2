"""Signed calls to an address of the receiver's own: the PatientRecord as it is, or the dangky-kcb contract."""

from typing import Literal

import msgspec

from config.destinations.base import HttpDestination


class WebhookDestination(HttpDestination, frozen=True, kw_only=True, tag="webhook"):
    """Receives the PatientRecord as JSON, signed with HMAC-SHA256 over timestamp and body."""

    secret_file: str


class RegistrationDestination(HttpDestination, frozen=True, kw_only=True, tag="dangky_kcb"):
    """A hospital system with the kiosk contract of services.md 3.5 (`POST /dangky-kcb`)."""

    merchant_id: str
    secret_file: str
    path: str = "/dangky-kcb"
    signed_fields: tuple[str, ...] = ("SO_GTTT", "HO_TEN", "NGAY_SINH")
    sex_codes: dict[Literal["male", "female", "unknown"], str] = msgspec.field(
        default_factory=lambda: {"male": "1", "female": "2", "unknown": "3"}
    )
    date_format: Literal["yyyy-MM-dd", "yyyyMMdd", "dd/MM/yyyy"] = "yyyy-MM-dd"
