"""FHIR R4 (bridge.md 2)."""

from typing import Literal

import msgspec

from config.destinations.base import HttpDestination

IdentifierKind = Literal["personal_id", "previous_id", "insurance", "social_security", "record_number", "visit"]


class FhirDestination(HttpDestination, frozen=True, kw_only=True, tag="fhir"):
    """A FHIR R4 server. `identifiers` chooses one of the Vietnamese namespaces, `systems` replaces single ones."""

    identifiers: Literal["vn_core_hl7", "vn_core_moh", "ironx", "own"] = "vn_core_hl7"
    systems: dict[IdentifierKind, str] = msgspec.field(default_factory=dict)
    token_url: str = ""  # OAuth2 client credentials; empty: none
    client_id: str = ""
    client_secret_file: str = ""
    scope: str = ""
    update_person: bool = True  # conditional update of what the chip proves
