"""Names of a delivery that never change: the idempotency key every resend carries, and the person it belongs to."""

import base64
import hashlib
import uuid

# The root of every idempotency key; changing it would make receivers see every unacknowledged record twice.
NAMESPACE = uuid.UUID("5f2b7c1e-3a64-5d0b-9c1f-7e0d2a4b6c88")
MSH_10_LENGTH = 20  # characters: the limit of MSH-10 in HL7 v2.5


def idempotency_key(destination: str, visit_id: str, revision: int = 0) -> str:
    """The key of one record at one destination: UUIDv5, in 20 characters of base32 (100 bits), fit for MSH-10."""
    # A destination's name holds no "/" (config.destinations), so the parts are read back in one way only; no visit's
    # id ends with a line break and digits.
    later = f"\n{revision}" if revision else ""
    name = f"{destination}/{visit_id}{later}".encode("utf-8", "replace").decode()
    return base64.b32encode(uuid.uuid5(NAMESPACE, name).bytes).decode()[:MSH_10_LENGTH]


def person_key(personal_id: str) -> str:
    """What keeps one person's records in order: SHA-256 of the personal ID number, in hex."""
    return hashlib.sha256(personal_id.encode("utf-8", "replace")).hexdigest()
