"""Switches that turn the well-behaved sandbox card into a difficult or hostile one.

Each was seen on a real or emulated card, or is what an attacker's card would do (chip.md 2.3, 2.5, 2.7, 3.6).
"""

from msgspec import field

from wire.codec import Record


class Quirks(Record, frozen=True, kw_only=True):
    """How this card differs from a good one. Defaults: not at all.

    Sizes are bytes of plain file content; status words are numbers such as 0x6985; counts begin with 1.
    """

    # Lengths
    no_extended_length: bool = False  # 6700 in the clear, before secure messaging is looked at
    extended_refusal_protected: bool = False  # with no_extended_length: the 6700 comes as a protected reply
    max_le: int | None = None  # a larger Le is answered 6700
    exact_le: bool = False  # with max_le: 6Cxx instead of 6700
    max_le_in_clear: bool = False  # with max_le: the refusal comes in the clear
    most_bytes_per_reply: int | None = None  # never more than this, with 9000
    zero_bytes_for_big_le: int | None = None  # an Le above this is answered with no bytes and 9000
    chains_replies: int | None = None  # reads are not shortened to fit: this many bytes of a reply at once, then 61xx
    long_reply_refused: int | None = None  # this status word when a short command's reply does not fit 256 bytes
    no_command_chaining: bool = False  # 6884 to a command that is sent in parts
    no_le_on_select: bool = False  # 6700 to SELECT and MSE:Set with an Le

    # Files
    no_short_file_ids: int | None = None  # this status word, in the clear, to READ BINARY by short file id
    short_file_ids_refused_protected: bool = False  # with no_short_file_ids: as a protected reply
    short_file_id_offset_limit: int | None = None  # short file id reads beyond this offset answer 6B00
    silent_end: bool = False  # fewer bytes at the end of a file come with 9000, never with 6282
    select_master_file: int = 0x6D00  # answer to SELECT MF; 0x9000 for a card that allows it
    card_access_refused: int | None = None  # this status word to any access to EF.CardAccess
    card_access_refused_before_applet: int | None = None  # the same until the applet is selected
    card_access_needs_master_file: int | None = None  # the same until SELECT MF, which this card allows
    sensitive_refusal_ends_session: bool = False  # DG3 and DG4: 6982 in the clear, and secure messaging is over

    # Access
    wrong_key_status: int = 0x6300  # answer to a wrong key, at the last step of PACE or of BAC
    tries: int | None = None  # 63Cx counts down from this; at none left 6983, until the power of the test ends
    wrong_key_delay_seconds: float = 0.0  # before each attempt, once for every wrong key since the last right one
    pace_refused: int | None = None  # this status word to MSE:Set AT
    pace_replies: dict[int, bytes] = field(default_factory=dict)  # step 1 to 4: reply data instead of the right ones
    pace_mirrors_keys: bool = False  # where a public key is due, the terminal's own comes back
    bac_refused: int | None = None  # this status word to GET CHALLENGE
    challenge: bytes | None = None  # what GET CHALLENGE gives, of any length

    # Secure messaging
    refusal_ends_session: bool = False  # after a status word in the clear, secure messaging is over
    stays_in_secure_messaging: bool = False  # plain commands are answered 6982 until the power is cut
    session_lost_after: int | None = None  # after so many protected commands the session is dead, told in the clear
    session_lost_status: int = 0x6988
    session_lost_times: int = 1  # how often, before the card behaves
    wrong_mac_from: int | None = None  # from this protected reply on the MAC is wrong

    # Proofs
    cloned_chip_key: bool = False  # chip authentication (and mapping) with a key other than the one in the files
    cloned_active_key: bool = False  # active authentication with a key other than the one in DG15
    chip_authentication_refused: int | None = None  # this status word to MSE:Set AT or KAT
    chip_authentication_ends_session: bool = False  # with it: in the clear, and secure messaging is over
    active_authentication_refused: int | None = None  # this status word to INTERNAL AUTHENTICATE

    # Lies
    claimed_lengths: dict[int, int] = field(default_factory=dict)  # file id: length its header claims; never ends
    length_octets: dict[int, bytes] = field(default_factory=dict)  # the same as bytes: 80 is indefinite, 88FF... absurd
    never_ends: bool = False  # every file goes on with zeros for ever
    repeats_first_block: bool = False  # every READ BINARY gives the beginning of the file
    extra_bytes_per_reply: int = 0  # this many bytes more than asked for
    endless_61xx: bool = False  # every READ BINARY and GET RESPONSE promises more
    mute_from: int | None = None  # from this command on the answer is nothing, not even a status word

    # Time and place
    remove_after_apdus: int | None = None  # leaves the reader when the next command after this many arrives
    delay_seconds: float = 0.0  # before every answer
    milliseconds_per_apdu: float = 0.0  # cost of an APDU, for measurements: with the next one, one wait per APDU
    microseconds_per_byte: float = 0.0  # of command and answer
