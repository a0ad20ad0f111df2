"""PACE against the worked example of ICAO Doc 9303-11, appendix G.1, and against cards that do not play fair."""

import pytest
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from reader.chip import pace, tlv
from reader.chip.apdu import Command, Response, parse_response
from reader.chip.channel import Meter, PlainChannel
from reader.chip.curves import BRAINPOOL_P256R1, BY_PARAMETER_ID, Curve, Point
from reader.chip.key_derivation import PASSWORD, can_password, derive_key, mrz_password
from reader.chip.secure_messaging import LeftSecureMessaging
from reader.chip.security_infos import PaceInfo, parse_pace_infos
from reader.errors import CardBroken, UnsupportedAccess, WrongKey

CARD_ACCESS_G1 = bytes.fromhex("31143012060A04007F0007020204020202010202010D")
CARD_ACCESS_VN = bytes.fromhex(
    "3134300D060804007F0007020202020101300F060A04007F000702020302020201013012060A04007F0007020204020202010202010D"
)
MAPPING_KEY = 0x7F4EF07B9EA82FD78AD689B38D0BC78CF21F249D953BC46F4C6E19259C010F99
AGREEMENT_KEY = 0xA73FB703AC1436A18E0CFA5ABB3F7BEC7A070E7A6788486BEE230C4A22762595
TRANSCRIPT_G1 = [
    ("0022C1A40F800A04007F00070202040202830101", "9000"),
    ("10860000027C0000", "7C12801095A3A016522EE98D01E76CB6B98B42C39000"),
    (
        "10860000457C438141047ACF3EFC982EC45565A4B155129EFBC74650DCBFA6362D896FC70262E0C2CC5E"
        "544552DCB6725218799115B55C9BAA6D9F6BC3A9618E70C25AF71777A9C4922D00",
        "7C43824104824FBA91C9CBE26BEF53A0EBE7342A3BF178CEA9F45DE0B70AA601651FBA3F57"
        "30D8C879AAA9C9F73991E61B58F4D52EB87A0A0C709A49DC63719363CCD13C549000",
    ),
    (
        "10860000457C438341042DB7A64C0355044EC9DF190514C625CBA2CEA48754887122F3A5EF0D5EDD301C"
        "3556F3B3B186DF10B857B58F6A7EB80F20BA5DC7BE1D43D9BF850149FBB3646200",
        "7C438441049E880F842905B8B3181F7AF7CAA9F0EFB743847F44A306D2D28C1D9EC65DF6DB"
        "7764B22277A2EDDC3C265A9F018F9CB852E111B768B326904B59A0193776F0949000",
    ),
    ("008600000C7C0A8508C2B0BD78D94BA86600", "7C0A86083ABB9674BCE93C089000"),
]
MRZ_G1 = "T22000129364081251010318"


class Transcript:
    """A card that only knows one conversation, byte for byte."""

    def __init__(self, lines: list[tuple[str, str]]) -> None:
        self._lines = [(bytes.fromhex(sent), bytes.fromhex(answer)) for sent, answer in lines]
        self._refusing = False

    def refuse_from_now(self) -> None:
        self._refusing = True

    def transmit(self, command: bytes) -> bytes:
        if self._refusing:
            return b"\x69\x82"
        expected, answer = self._lines.pop(0)
        assert command == expected
        return answer

    @property
    def finished(self) -> bool:
        return not self._lines


def channel_to(card: object) -> PlainChannel:
    return PlainChannel(card, Meter(clock=lambda: 0.0, deadline=1.0))  # type: ignore[arg-type]


def run_g1(lines: list[tuple[str, str]]):
    card = Transcript(lines)
    keys = [MAPPING_KEY, AGREEMENT_KEY]
    protocol = pace.choose(parse_pace_infos(CARD_ACCESS_G1))
    secure = pace.establish(channel_to(card), protocol, mrz_password(MRZ_G1), lambda _order: keys.pop(0))
    return card, secure


def with_answer(step: int, answer: str) -> list[tuple[str, str]]:
    lines = list(TRANSCRIPT_G1)
    lines[step] = (lines[step][0], answer)
    return lines


def test_the_worked_example_of_the_standard_is_followed_byte_for_byte():
    card, _ = run_g1(TRANSCRIPT_G1)
    assert card.finished


@pytest.mark.parametrize(
    ("can", "key"),
    [
        ("900017", "AF49B2AE5DCABC8D71C93DD5F739B76D"),
        ("900024", "BD46F82AA9AC971E015E525EFD08E5B3"),
        ("900031", "3085E77532E7D9930B638B596963DFD8"),
        ("900048", "3C5CCC10C58639D6DFEEF1B8AE691336"),
    ],
)
def test_the_password_key_follows_from_the_can(can, key):
    assert derive_key(can_password(can).secret, PASSWORD, 128) == bytes.fromhex(key)


@pytest.mark.parametrize(
    ("mrz", "key"),
    [
        (MRZ_G1, "89DED1B26624EC1E634C1989302849DD"),
        ("303900017703021402802149", "7933D8FE89A145D0E1DDB6E141B917C7"),
        ("200900024700070104007018", "6D42AA0FD531619A701420F9ECC9A94C"),
        ("155900031055092099912315", "BCFEDE1D9D9AFE4BC6A84A482836460B"),
        ("321900048121030533503052", "D5B91DCB3A1F398B4131B446342BD431"),
    ],
)
def test_the_password_key_follows_from_the_mrz(mrz, key):
    assert derive_key(mrz_password(mrz).secret, PASSWORD, 128) == bytes.fromhex(key)


@pytest.mark.parametrize("bad", ["", "12345", "1234567", "12345a", "１２３４５６"])
def test_a_can_is_six_ascii_digits(bad):
    with pytest.raises(ValueError):
        can_password(bad)


def test_the_vietnamese_card_offers_generic_mapping_on_brainpool_p256r1():
    protocol = pace.choose(parse_pace_infos(CARD_ACCESS_VN))
    assert protocol.curve == BRAINPOOL_P256R1
    assert protocol.bits == 128
    assert not protocol.ambiguous
    assert protocol.name == "PACE-ECDH-GM-AES-CBC-CMAC-128"


@pytest.mark.parametrize("answer", ["6300", "63C2", "6982", "6985", "6988", "6A80"])
def test_a_refused_token_is_a_wrong_key(answer):
    with pytest.raises(WrongKey) as caught:
        run_g1(with_answer(4, answer))
    assert caught.value.data.get("attempts_left") == (2 if answer == "63C2" else None)


def test_a_card_that_shows_the_wrong_token_is_a_wrong_key():
    with pytest.raises(WrongKey):
        run_g1(with_answer(4, "7C0A86083ABB9674BCE93C099000"))


def test_a_warning_about_tries_left_does_not_stop_pace():
    card, _ = run_g1(with_answer(0, "63C1"))
    assert card.finished


def test_a_blocked_password_is_a_wrong_key():
    with pytest.raises(WrongKey) as caught:
        run_g1(with_answer(0, "63C0"))
    assert caught.value.data["attempts_left"] == 0


@pytest.mark.parametrize("answer", ["6A80", "6A88", "6D00"])
def test_a_card_that_refuses_the_protocol_is_unsupported(answer):
    with pytest.raises(UnsupportedAccess):
        run_g1(with_answer(0, answer))


def mapping_answer(point: str) -> str:
    body = tlv.encode(0x7C, tlv.encode(0x82, bytes.fromhex(point)))
    return body.hex() + "9000"


OUR_MAPPING_POINT = TRANSCRIPT_G1[2][0][18:-2]


@pytest.mark.parametrize(
    "answer",
    [
        "9000",
        "7C009000",
        "7C0280009000",
        "6F00",
        mapping_answer("00"),  # the point at infinity
        mapping_answer("04" + "01" * 64),  # not on the curve
        mapping_answer("04" + "FF" * 64),  # outside the field
        mapping_answer("02" + "824FBA91C9CBE26BEF53A0EBE7342A3BF178CEA9F45DE0B70AA601651FBA3F57"),
        mapping_answer(OUR_MAPPING_POINT),  # our own key sent back
    ],
)
def test_a_hostile_mapping_answer_is_a_broken_card(answer):
    with pytest.raises(CardBroken):
        run_g1(with_answer(2, answer))


def test_our_own_agreement_key_sent_back_is_a_broken_card():
    ours = bytes.fromhex(TRANSCRIPT_G1[3][0][18:-2])
    answer = tlv.encode(0x7C, tlv.encode(0x84, ours)).hex() + "9000"
    with pytest.raises(CardBroken) as caught:
        run_g1(with_answer(3, answer))
    assert caught.value.data["where"] == "pace.equal_keys"


@pytest.mark.parametrize("nonce", ["", "95A3", "95" * 17, "95" * 48])
def test_a_nonce_of_odd_size_is_a_broken_card(nonce):
    answer = tlv.encode(0x7C, tlv.encode(0x80, bytes.fromhex(nonce))).hex() + "9000"
    with pytest.raises(CardBroken):
        run_g1(with_answer(1, answer))


@pytest.mark.parametrize(
    "data", [b"", b"\x31", b"\x31\x00\x00", b"\x30\x00", bytes.fromhex("31023000"), bytes.fromhex("3180")]
)
def test_a_malformed_card_access_is_a_broken_card(data):
    with pytest.raises(CardBroken):
        parse_pace_infos(data)


@pytest.mark.parametrize(
    "oid",
    [
        "04007F00070202040201",  # triple DES
        "04007F00070202040102",  # DH
        "04007F00070202040402",  # integrated mapping
    ],
)
def test_protocols_not_spoken_are_unsupported(oid):
    with pytest.raises(UnsupportedAccess):
        pace.choose([PaceInfo(bytes.fromhex(oid), 2, 13)])


def test_unknown_parameters_and_versions_are_unsupported():
    oid = bytes.fromhex("04007F00070202040202")
    for info in (PaceInfo(oid, 2, 0), PaceInfo(oid, 2, None), PaceInfo(oid, 1, 13), PaceInfo(oid, 2, 14)):
        with pytest.raises(UnsupportedAccess):
            pace.choose([info])


class ChipSide:
    """The chip's half of PACE, written from the formulas with our curve arithmetic: for curves without a vector."""

    def __init__(self, curve: Curve, bits: int, oid: bytes, secret: bytes) -> None:
        self.curve, self.bits, self.oid, self.secret = curve, bits, oid, secret
        self.set_at = b""

    def send(self, command: Command) -> Response:
        if command.ins == 0x22:
            self.set_at = command.data
            return parse_response(b"\x90\x00")
        nodes = tlv.read_all(tlv.read_one(command.data, 0x7C, "t"), "t")
        return Response(tlv.encode(0x7C, self.answer(nodes)), 0x9000)

    def answer(self, nodes: list[tlv.Node]) -> bytes:
        curve = self.curve
        if not nodes:
            self.nonce = bytes(range(1, 17)) * (1 if self.bits == 128 else 2)
            key = derive_key(self.secret, PASSWORD, self.bits)
            run = Cipher(algorithms.AES(key), modes.CBC(bytes(16))).encryptor()
            return tlv.encode(0x80, run.update(self.nonce) + run.finalize())
        tag, value = nodes[0].tag, nodes[0].value
        if tag == 0x81:
            shared = curve.multiply(7, curve.decode(value, "t"))
            assert shared is not None
            generator = curve.add(curve.multiply_base(int.from_bytes(self.nonce, "big") % curve.n), shared)
            assert generator is not None
            self.generator: Point = generator
            return tlv.encode(0x82, curve.encode(curve.multiply_base(7)))
        if tag == 0x83:
            self.theirs = curve.decode(value, "t")
            ours = curve.multiply(11, self.generator)
            assert ours is not None
            self.ours = ours
            return tlv.encode(0x84, curve.encode(ours))
        shared_x = curve.multiply_x(11, self.theirs).to_bytes(curve.field_size, "big")
        key = derive_key(shared_x, 2, self.bits)
        protocol = pace.Protocol(PaceInfo(self.oid, 2, 0), curve, self.bits, False)
        assert value == pace._token(protocol, key, self.ours)
        return tlv.encode(0x86, pace._token(protocol, key, self.theirs))


@pytest.mark.parametrize("parameter_id", sorted(BY_PARAMETER_ID))
@pytest.mark.parametrize(("cipher", "bits"), [(2, 128), (3, 192), (4, 256)])
def test_every_curve_and_key_size_comes_to_the_same_keys_on_both_sides(parameter_id, cipher, bits):
    oid = bytes.fromhex("04007F000702020402") + bytes([cipher])
    infos = [PaceInfo(oid, 2, parameter_id), PaceInfo(oid, 2, 0)]
    password = can_password("900017")
    chip = ChipSide(BY_PARAMETER_ID[parameter_id], bits, oid, password.secret)
    pace.establish(chip, pace.choose(infos), password)
    assert chip.set_at.endswith(bytes([0x84, 1, parameter_id]))


def test_after_pace_a_reply_in_the_clear_ends_the_session():
    card, secure = run_g1([*TRANSCRIPT_G1])
    card.refuse_from_now()
    for error in (LeftSecureMessaging, CardBroken):
        with pytest.raises(error):
            secure.send(Command(0, 0xB0, 0x9E, 0, b"", 223))
