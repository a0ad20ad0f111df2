"""HL7 v2 over MLLP (bridge.md 1.2 to 1.4)."""

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from config.destinations.base import Destination, Port
from config.destinations.hl7_fields import Version, rules

ErrorCode = Annotated[str, Meta(pattern=r"^[0-9A-Za-z]{1,8}\Z")]
Name = Annotated[str, Meta(pattern=r"^[^|^~\\\r\n]*\Z", max_length=227)]  # HD: a name, or name&universal id&type


class Hl7v2Destination(Destination, frozen=True, kw_only=True, tag="hl7v2"):
    """An HL7 v2 receiver. MSH-3 to MSH-6; `name_style` says how PID-5 is filled; `fields` moves or fixes single fields.

    In `fields` a value is another field's name (it moves there), `=text` (always this text) or empty (left out).
    `acknowledgement`: original mode; `enhanced` asks for both answers and waits for the second; `commit` asks for the
    first alone (HL7 v2.5, 2.9.3).
    """

    host: Annotated[str, Meta(min_length=1, max_length=253)]
    port: Port
    version: Version = "2.5"
    about: Literal["visit", "person"] = "visit"  # A04, A08, A11; or A28, A31 for an index of persons
    query: Literal["none", "pdq"] = "none"  # ask for the person's record number first (QBP^Q22)
    acknowledgement: Literal["original", "enhanced", "commit"] = "original"
    connection: Literal["persistent", "per_message"] = "persistent"
    sending_application: Name = "TIEPDON"
    sending_facility: Name = ""
    receiving_application: Name = "HIS"
    receiving_facility: Name = ""
    personal_id_authority: Name = "VNID"
    insurance_authority: Name = "BHXHVN"
    record_number_authority: Name = ""  # who gives the record numbers there; empty: taken by their type, MR or PI
    name_style: Literal["split", "whole_in_family", "whole_in_given"] = "split"
    fields: dict[str, str] = msgspec.field(default_factory=dict)
    retry_errors: tuple[ErrorCode, ...] = ("207",)  # ERR-3 codes of an AE that are the receiver's own trouble
    tls: bool = False
    ca_file: str = ""
    certificate_file: str = ""
    key_file: str = ""

    def __post_init__(self) -> None:
        """Raises ValueError for what no single setting can tell."""
        rules(self.fields, self.version)
        if self.query == "pdq" and self.version == "2.3.1":
            raise ValueError('query = "pdq" needs version 2.5 or 2.5.1: version 2.3.1 knows no QBP^Q22')
        if not self.tls and (self.ca_file or self.certificate_file or self.key_file):
            raise ValueError("ca_file, certificate_file and key_file need tls = true")
        if bool(self.certificate_file) != bool(self.key_file):
            raise ValueError("a client certificate needs both certificate_file and key_file")
