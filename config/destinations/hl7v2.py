"""HL7 v2 over MLLP (bridge.md 1.2 to 1.4)."""

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from config.destinations.base import Destination, Port

FieldName = Annotated[str, Meta(pattern=r"^[A-Z][A-Z0-9]{2}-[1-9][0-9]{0,2}(\.[1-9][0-9]?)?\Z")]


class Hl7v2Destination(Destination, frozen=True, kw_only=True, tag="hl7v2"):
    """An HL7 v2 receiver. MSH-3 to MSH-6; `name_style` says how PID-5 is filled; `fields` moves or fixes single fields.

    In `fields` a value is another field's name (it moves there), `=text` (always this text) or empty (left out).
    """

    host: str
    port: Port
    version: Literal["2.3.1", "2.5", "2.5.1"] = "2.5"
    about: Literal["visit", "person"] = "visit"  # A04, A08, A11; or A28, A31 for an index of persons
    query: Literal["none", "pdq"] = "none"  # ask for the person's record number first (QBP^Q22)
    acknowledgement: Literal["original", "enhanced"] = "original"
    connection: Literal["persistent", "per_message"] = "persistent"
    sending_application: str = "TIEPDON"
    sending_facility: str = ""
    receiving_application: str = "HIS"
    receiving_facility: str = ""
    personal_id_authority: str = "VNID"
    insurance_authority: str = "BHXHVN"
    record_number_authority: str = ""
    name_style: Literal["split", "whole_in_family", "whole_in_given"] = "split"
    fields: dict[FieldName, str] = msgspec.field(default_factory=dict)
    retry_errors: tuple[str, ...] = ("207",)  # ERR-3 codes of an AE that are the receiver's own trouble
    tls: bool = False
    ca_file: str = ""
    certificate_file: str = ""
    key_file: str = ""
