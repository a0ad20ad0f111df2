"""Text payloads a person may hold up, parsed to a Holder or an InsuranceCard. Pure: no device, no clock."""

from reader.payload.citizen_card import CardForm, format_citizen_card
from reader.payload.insurance_card import InsuranceForm, format_insurance_card
from reader.payload.parse import PayloadResult, parse_payload
from reader.payload.personal_id import can, typed_holder

__all__ = [
    "CardForm",
    "InsuranceForm",
    "PayloadResult",
    "can",
    "format_citizen_card",
    "format_insurance_card",
    "parse_payload",
    "typed_holder",
]
