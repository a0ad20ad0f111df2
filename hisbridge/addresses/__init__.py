"""Addresses as cards and clerks write them, read into codes; loads its lists when first asked (docs/addresses.md).

Must not touch the network, and guesses nothing: what is not certain is offered to choose from.
"""

from hisbridge.addresses.parse import parse_address
from hisbridge.addresses.records import Address, Candidate, Reason

__all__ = ["Address", "Candidate", "Reason", "parse_address"]
