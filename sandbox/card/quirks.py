"""Switches that turn the well-behaved sandbox card into a difficult or hostile one.

Each was seen on a real or emulated card, or is what an attacker's card would do (chip.md 2.3, 2.5, 3.6).
"""

from msgspec import field

from wire.codec import Record


class Quirks(Record, frozen=True, kw_only=True):
    """How this card differs from a good one. Defaults: not at all.

    Sizes are bytes of plain file content; status words are numbers such as 0x6985.
    """

    no_extended_length: bool = False  # 6700 in the clear, before secure messaging is looked at
    no_short_file_ids: int | None = None  # this status word, in the clear, to READ BINARY by short file id
    short_file_id_offset_limit: int | None = None  # short file id reads beyond this offset answer 6B00
    max_le: int | None = None  # a larger Le is answered 6700
    exact_le: bool = False  # with max_le: 6Cxx instead of 6700
    most_bytes_per_reply: int | None = None  # never more than this, with 9000
    zero_bytes_for_big_le: int | None = None  # an Le above this is answered with no bytes and 9000
    card_access_refused: int | None = None  # this status word to any access to EF.CardAccess
    wrong_key_status: int = 0x6300  # answer to a wrong CAN at the last step of PACE
    refusal_ends_session: bool = False  # after a status word in the clear, secure messaging is over
    wrong_mac_from: int | None = None  # from this protected reply on (1 = the first) the MAC is wrong
    claimed_lengths: dict[int, int] = field(default_factory=dict)  # file id: length its header claims; never ends
    endless_61xx: bool = False  # every READ BINARY and GET RESPONSE promises more
    remove_after_apdus: int | None = None  # leaves the reader when the next command after this many arrives
    delay_seconds: float = 0.0  # before every answer
