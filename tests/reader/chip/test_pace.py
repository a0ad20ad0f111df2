"""PACE against the worked example of ICAO Doc 9303-11, appendix G.1, against the sandbox card's own half of it, and
against cards that do not play fair."""

import pytest

from reader import tlv
from reader.chip import dh, groups, mapping, pace
from reader.chip.apdu import Command, Response, parse_response
from reader.chip.key_derivation import PASSWORD, Cipher, can_password, derive_key, mrz_password
from reader.chip.secure_messaging import LeftSecureMessaging
from reader.chip.security_infos import parse
from reader.curves import BY_PARAMETER_ID
from reader.errors import CardBroken, UnsupportedAccess, WrongKey
from sandbox.card import apdu as card_apdu
from sandbox.card import mapping as card_mapping
from sandbox.card.image import Pace
from sandbox.card.secure_messaging import Channel as CardChannel
from tests.reader.chip.pace_cards import CAN, SandboxSide, Transcript, channel_to, info_of, infos, numbers

CARD_ACCESS_G1 = bytes.fromhex("31143012060A04007F0007020204020202010202010D")
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


def run_g1(lines: list[tuple[str, str]]):
    card = Transcript(lines)
    keys = [MAPPING_KEY, AGREEMENT_KEY]
    protocol = pace.choose(parse(CARD_ACCESS_G1, "test"))
    established = pace.establish(channel_to(card), protocol, mrz_password(MRZ_G1), lambda _order: keys.pop(0))
    return card, established.channel


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
    assert derive_key(can_password(can).secret, PASSWORD, Cipher.AES128) == bytes.fromhex(key)


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
    assert derive_key(mrz_password(mrz).secret, PASSWORD, Cipher.AES128) == bytes.fromhex(key)


@pytest.mark.parametrize("bad", ["", "12345", "1234567", "12345a", "１２３４５６"])
def test_a_can_is_six_ascii_digits(bad):
    with pytest.raises(ValueError):
        can_password(bad)


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


@pytest.mark.parametrize(("cipher", "size"), [("3DES", 12), ("3DES", 40), ("AES-128", 8), ("AES-256", 24)])
def test_a_nonce_that_is_not_some_whole_blocks_of_the_cipher_is_a_broken_card(cipher, size):
    assert broken(Pace(cipher=cipher), 0, answer_with((0x80, bytes(size)))) == "pace.nonce"


@pytest.mark.parametrize("step", [1, 2, 3, 4])
@pytest.mark.parametrize("answer", ["6F00", "9000"])
def test_a_card_that_stops_following_the_protocol_is_broken(step, answer):
    with pytest.raises(CardBroken):
        run_g1(with_answer(step, answer))


# ---- both halves ---------------------------------------------------------------------------------------------------


def meet(side: SandboxSide, offer: Pace, can: str = CAN) -> pace.Established:
    source = numbers(f"reader {offer}")
    return pace.establish(
        side, pace.choose(infos(info_of(offer))), can_password(can), lambda order: next(source) % (order - 2) + 1
    )


CIPHERS = ["3DES", "AES-128", "AES-192", "AES-256"]
STATIC = 0x1234567890ABCDEF


@pytest.mark.parametrize("cipher", CIPHERS)
@pytest.mark.parametrize("number", [0, 1, 2, *sorted(BY_PARAMETER_ID)])
def test_generic_mapping_comes_to_the_same_keys_on_both_sides(number, cipher):
    speak_after(Pace(mapping="GM", cipher=cipher, parameters=number))


@pytest.mark.parametrize("cipher", CIPHERS)
@pytest.mark.parametrize("number", [0, 1, 2, *(n for n in sorted(BY_PARAMETER_ID) if n != 10)])
def test_integrated_mapping_comes_to_the_same_keys_on_both_sides(number, cipher):
    speak_after(Pace(mapping="IM", cipher=cipher, parameters=number))


@pytest.mark.parametrize("cipher", CIPHERS[1:])
@pytest.mark.parametrize("number", sorted(BY_PARAMETER_ID))
def test_chip_authentication_mapping_hands_on_what_proves_the_chip(number, cipher):
    mapped = speak_after(Pace(mapping="CAM", cipher=cipher, parameters=number)).mapped
    assert mapped is not None
    assert mapped.group == groups.by_parameter_id(number)
    curve = BY_PARAMETER_ID[number]
    made = curve.multiply(int.from_bytes(mapped.chip_data, "big") % curve.n, curve.multiply_base(STATIC))
    assert curve.encode(made) == mapped.public_key


class SealedCard:
    """The sandbox card under secure messaging: opens one command, answers it."""

    def __init__(self, channel: CardChannel) -> None:
        self.channel = channel
        self.opened: list[card_apdu.Command] = []

    def send(self, command: Command) -> Response:
        self.opened.append(self.channel.open(card_apdu.parse(command.encode())))
        return parse_response(self.channel.seal(card_apdu.Reply(0x9000, b"hello"), False).encoded())


def speak_after(offer: Pace) -> pace.Established:
    """Run PACE, then one command under secure messaging that the card's half must be able to open."""
    side = SandboxSide(offer, static=STATIC)
    established = meet(side, offer)
    assert side.exchange.channel is not None
    card = SealedCard(side.exchange.channel)
    established.channel.channel = card
    assert established.channel.send(Command(0x00, 0xB0, 0x9E, 0x00, b"", 8)).data == b"hello"
    assert [command.header[1] for command in card.opened] == [0xB0]
    return established


@pytest.mark.parametrize(
    "offer",
    [
        Pace(mapping="GM"),
        Pace(mapping="IM"),
        Pace(mapping="CAM"),
        Pace(mapping="GM", cipher="3DES", parameters=0),
        Pace(mapping="IM", cipher="AES-256", parameters=2),
    ],
)
def test_a_wrong_can_is_a_wrong_key_in_every_mapping(offer):
    with pytest.raises(WrongKey):
        meet(SandboxSide(offer, static=STATIC), offer, can="900018")


@pytest.mark.parametrize("cipher", [Cipher.TDES, Cipher.AES128, Cipher.AES192, Cipher.AES256])
@pytest.mark.parametrize("number", [0, 2, 8, 18])
def test_the_pseudo_random_function_is_that_of_the_sandbox_card(cipher, number):
    group = groups.by_parameter_id(number)
    assert group is not None
    s, t = b"\x5a" * mapping.NONCE_SIZES[cipher], b"\xa5" * mapping.KEY_SIZES[cipher]
    assert mapping.pseudo_random(cipher, s, t, group.p) == card_mapping.pseudo_random(group.p, cipher.value, s, t)


def test_the_card_is_told_which_domain_parameters_when_it_has_several():
    one, other = Pace(parameters=13), Pace(parameters=17)
    side = SandboxSide(one)
    pace.establish(side, pace.choose(infos(info_of(other), info_of(one))), can_password(CAN))
    assert side.set_at.endswith(bytes.fromhex("84010D"))


def test_the_card_is_not_told_which_domain_parameters_when_it_has_one_set():
    side = SandboxSide(Pace())
    pace.establish(side, pace.choose(infos(info_of(Pace()), info_of(Pace(mapping="IM")))), can_password(CAN))
    assert side.set_at.endswith(bytes.fromhex("830102"))


# ---- hostile answers -----------------------------------------------------------------------------------------------


def answer_with(*objects: tuple[int, bytes]) -> bytes:
    return tlv.encode(0x7C, b"".join(tlv.encode(tag, value) for tag, value in objects))


def broken(offer: Pace, step: int, answer: bytes) -> str:
    with pytest.raises(CardBroken) as caught:
        meet(SandboxSide(offer, static=STATIC, spoil={step: answer}), offer)
    return str(caught.value.data["where"])


P = dh.MODP_1024_160.p


@pytest.mark.parametrize(
    "element",
    [
        b"",
        b"\0",
        b"\x01",
        (P - 1).to_bytes(128, "big"),
        P.to_bytes(128, "big"),
        (P + 2).to_bytes(128, "big"),
        b"\x02",  # in the field, not in the group
        b"\0" + b"\x12" * 128,
    ],
)
@pytest.mark.parametrize(("step", "tag"), [(0x81, 0x82), (0x83, 0x84)])
def test_a_hostile_element_of_a_prime_field_is_a_broken_card(step, tag, element):
    where = broken(Pace(parameters=0), step, answer_with((tag, element)))
    assert where == {0x81: "pace.mapping", 0x83: "pace.agreement"}[step]


def test_our_own_element_sent_back_with_leading_zeros_is_a_broken_card():
    offer = Pace(parameters=1)

    class Echo(SandboxSide):
        def send(self, command: Command) -> Response:
            if command.data[:1] == b"\x7c" and b"\x81\x82" in command.data[:6]:
                ours = tlv.read_all(tlv.read_one(command.data, 0x7C, "t"), "t")[0].value
                return Response(answer_with((0x82, ours.rjust(256, b"\0"))), 0x9000)
            return super().send(command)

    with pytest.raises(CardBroken) as caught:
        meet(Echo(offer), offer)
    assert caught.value.data["where"] == "pace.equal_keys"


def test_a_card_that_has_mapping_data_where_none_belongs_is_broken():
    for objects in ([(0x82, b"\x04")], [(0x84, b"")], [(0x82, b""), (0x84, b"")]):
        assert broken(Pace(mapping="IM"), 0x81, answer_with(*objects)) == "pace.mapping"


@pytest.mark.parametrize(("cipher", "size"), [("AES-128", 32), ("3DES", 32), ("AES-192", 16), ("AES-256", 16)])
def test_the_integrated_mapping_takes_a_nonce_of_its_own_size_only(cipher, size):
    offer = Pace(mapping="IM", cipher=cipher)
    assert broken(offer, 0, answer_with((0x80, bytes(size)))) == "pace.nonce"


@pytest.mark.parametrize(
    "data", [b"", bytes(8), bytes(17), bytes(16), b"\x80" * 48, bytes(96), bytes(112), bytes(4096)]
)
def test_chip_data_that_is_no_encryption_of_anything_is_a_broken_card(data):
    side = SandboxSide(Pace(mapping="CAM"), static=STATIC)
    side.chip_data = data
    with pytest.raises(CardBroken) as caught:
        meet(side, Pace(mapping="CAM"))
    assert caught.value.data["where"] == "pace.chip_data"


def test_chip_data_that_is_missing_is_a_broken_card():
    side = SandboxSide(Pace(mapping="CAM"), static=STATIC)
    side.chip_data = None
    with pytest.raises(CardBroken):
        meet(side, Pace(mapping="CAM"))


def test_after_pace_a_reply_in_the_clear_ends_the_session():
    card, secure = run_g1([*TRANSCRIPT_G1])
    card.refuse_from_now()
    for error in (LeftSecureMessaging, CardBroken):
        with pytest.raises(error):
            secure.send(Command(0, 0xB0, 0x9E, 0, b"", 223))
