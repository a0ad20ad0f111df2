"""FHIR R4 (bridge.md 2)."""

from collections.abc import Mapping
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from config.destinations.base import HttpDestination, Url

SystemKind = Literal[
    "personal_id",
    "local",
    "previous_id",
    "insurance",
    "social_security",
    "record_number",
    "guardian",
    "visit",
    "ticket",
    "facility",
]
Uri = Annotated[str, Meta(pattern=r"^[A-Za-z][A-Za-z0-9+.-]*:[^\s|,$\\]+\Z", max_length=500)]
Canonical = Annotated[str, Meta(pattern=r"^[A-Za-z][A-Za-z0-9+.-]*:\S+\Z", max_length=500)]

_VN = "http://fhir.hl7.org.vn/core/sid"
_MOH = "http://fhir.ehealth.gov.vn/core/sid"
# What one draft calls a thing and another does not know stays a name of our own: nobody else's is made up.
_OWN: dict[SystemKind, str] = {
    "local": "urn:tiepdon:person",
    "guardian": "urn:tiepdon:guardian",
    "previous_id": "urn:tiepdon:previous-id",
    "social_security": "urn:tiepdon:social-security-number",
    "visit": "urn:tiepdon:visit",
    "ticket": "urn:tiepdon:ticket",
    "facility": "urn:tiepdon:facility",
}
# bridge.md 2.2: three drafts, none approved, none compatible with another. Of the third only the base is public.
SYSTEMS: Mapping[str, Mapping[SystemKind, str]] = {
    "vn_core_hl7": {
        **_OWN,
        "personal_id": f"{_VN}/cccd",
        "insurance": f"{_VN}/bhyt",
        "social_security": f"{_VN}/bhyt",  # there one system for the card's number in each of its forms
    },
    "vn_core_moh": {
        **_OWN,
        "personal_id": f"{_MOH}/national_id",
        "insurance": f"{_MOH}/insurance_number",
        "record_number": f"{_MOH}/patient-internal-id",
    },
    "ironx": _OWN,
    "own": _OWN,
}


class FhirDestination(HttpDestination, frozen=True, kw_only=True, tag="fhir"):
    """A FHIR R4 server; `base_url` is the service base, without `/metadata`.

    `identifiers` chooses one of the Vietnamese namespaces, `systems` replaces single ones; `ironx` and `own` know
    neither the personal ID number's nor the insurance card's. `profiles` claims profiles in `meta.profile`.
    """

    identifiers: Literal["vn_core_hl7", "vn_core_moh", "ironx", "own"] = "vn_core_hl7"
    systems: dict[SystemKind, Uri] = msgspec.field(default_factory=dict)
    profiles: dict[Literal["Patient", "Coverage", "Encounter", "Provenance"], Canonical] = msgspec.field(
        default_factory=dict
    )
    token_url: Url | Literal[""] = ""  # OAuth2 client credentials; empty: none
    client_id: str = ""
    client_secret_file: str = ""
    scope: str = ""
    update_person: bool = True  # name, birth date and sex that a proven chip holds replace what is kept there
    update_coverage: bool = True  # the insurer's newest status, period and registered facility of a card known there
    merges: bool = True  # tell of two records of one person that staff confirmed
    provenance: bool = True  # send the evidence as a Provenance

    def __post_init__(self) -> None:
        """Raises ValueError where a system that every record needs is not known."""
        missing = [kind for kind in ("personal_id", "insurance") if kind not in self.identifier_systems]
        if missing:
            raise ValueError(f"identifiers = {self.identifiers} needs systems.{' and systems.'.join(missing)}")
        if self.token_url and not (self.client_id and self.client_secret_file):
            raise ValueError("token_url needs client_id and client_secret_file")

    @property
    def identifier_systems(self) -> dict[SystemKind, str]:
        """The system (URI) of each kind of identifier; `record_number` only where it is known."""
        return {**SYSTEMS[self.identifiers], **self.systems}
