"""Published values: ICAO Doc 9303-11, appendices F (active authentication) and I (PACE with chip authentication
mapping), and the worked example of BSI TR-03110 (chip authentication over ECDH and over DH).

The example of BSI is of version 2, whose keys take a nonce in and which we do not speak; agreement and derivation are
the same, so its values prove ours. Only the specifications' own values stand here.
"""

import hashlib

import pytest

from reader.chip import groups
from reader.chip.active_authentication import check
from reader.chip.apdu import Command, Response
from reader.chip.chip_authentication import authenticate, choose, verify_mapping
from reader.chip.key_derivation import AUTHENTICATION, ENCRYPTION, Cipher, derive_key
from reader.chip.pace import Mapped
from reader.chip.secure_messaging import SecureChannel, suite
from reader.chip.security_infos import SecurityInfos, parse
from reader.reading import Outcome
from tests.reader.chip.chip_side import Answer, Chip, Keys, Plain, plain_channel, unwrapped, wrapped
from tests.reader.chip.test_active_authentication import dg15_of, rsa_key, signed

# BSI, ECDH: what EF.CardAccess announces, the chip's key as EF.CardSecurity has it, and the agreement.
CARD_ACCESS = bytes.fromhex(
    "3181C6300D060804007F00070202020201023012060A04007F000702020302020201020201013012060A04007F00070202040202"
    "02010202010D301C060904007F000702020302300C060704007F0007010202010D020101302F060804007F000702020616236874"
    "7470733A2F2F7777772E686A702D636F6E73756C74696E672E636F6D2F686F6D65303E060804007F000702020831323012060A04"
    "007F00070202030202020102020102301C060904007F000702020302300C060704007F0007010202010D020102"
)
ECDH_KEY = bytes.fromhex(
    "3062060904007F0007020201023052300C060704007F0007010202010D03420004A44EBE5451DF7AADB01E459B8C928A87746A57"
    "927C8C28A6775C97A7E1FE8D9A46FF4A1CC7E4D1389AEA19758E4F75C28C598FD734AEBEB135337CF95BE12E94020101"
)
ECDH = {
    "chip_private": "7984674CF3B3A524BF929CE8A67FCF22173DA0BAD595EED6DEB72D22C542FA9D",
    "reader_private": "A6A4D255C5BF7A77EC3D0553DB74F693CF044E18C98364D4977A296108AF19BD",
    "reader_public": (
        "045A7A377FC9CAFC03AC7FF45441A8B2909D88EAB8E6B0173847AB49B949DF3799A34EE57EC55268CF8B1C3EC489F8BF"
        "4CF4C68D3FD9670E89C0D5D3FFF1AAF89F"
    ),
    "nonce": "4287B3072A3EDC60",
    "shared": "791DA04273CCFE862E52DF60347E2557192E1F8D7517822CE3D306056C1CDEB4",
    "k_mac": "78B5709E7ABEDB185B424D0EE3A82499",
    "k_enc": "94ABCD271AB7D9A5590BA52CB518B831",
}
# BSI, DH modulo a prime of 1024 bits (RFC 5114, 2.1).
DH_KEY = bytes.fromhex(
    "3081A6060904007F000702020101308195300C060704007F00070102020100038184000281801B3345F8DC04341BF8B2C97F652F"
    "A680E5D4FA4C146AE4B839431A644A79BC368C4822C89CD018A57F953644BEDA679C5B532902320E83E13B80DEEF8C18AF3E7D49"
    "3AE3F88196101B9F78EAFE4B3025EF8BFF916B2FC02D762D0838DEA29C09B485591C2F47F87C71F530BB358F56AF6459D86DBF85"
    "EAF9EDBD962CD364F7B8020101"
)
DH = {
    "chip_private": "D0E5A95ECA541DEF4FE92B9FF9920D49A454C297",
    "reader_private": (
        "A2CFFD06C34AFD622EEE0FC31F093FDFDA609C67121CACF0A8F52291DE6853BB5C93CF76705775ECF408A74302613BEE"
        "CB381447D36494C9E18951EC17252DD2A807AAE09FA4DC30183339013D9C9191303CACEE3C91E926A36D014A5CFA9495"
        "0CADB37B534F32A9BF76B37980979304C5663871BD746EB9E95A47CA471B4EDE"
    ),
    "reader_public": (
        "A2830947A6FCAACDE2FCB88B29AB38E07C3453ABC4BCB466087E11C79F32A19E6EF22BE108F8DD18FE8249C960951511"
        "200DC985AA3EC0CCAD59A5F9BBCC33EE5F1577E20330B4DD10EB06B740277C97A189180EDE52BEE9D429F10FB77F180F"
        "05D6A99C499CB5E1ECEEB8E92284F66EA98479674CE73F53C567A03B0D297833"
    ),
    "nonce": "1A1AC1AB04D96965",
    "shared": (
        "2A4FC2D11490DF4773DDFA6FF705557C51F4AD4533E8D8A66A3001BFDD271DB87BE3C1CAC22A05E8AF1A066DD0298E75"
        "DB928AAFDF00EB4BFB1BD12F372313C1CA649056517305638515D5A4FBE0AC59BDC80E8C5A5F46254D231916EA77F80A"
        "C58E6B63A26198EE4387F10981E8E46FFBA23790C81E679363C589587D30BBB3"
    ),
    "k_mac": "066721F3EBEA787B4F1C6DCA431EC229",
    "k_enc": "E813D09DF69FFCC63763C537F828985C",
}
EXAMPLES = [pytest.param(ECDH_KEY, ECDH, 2, id="ECDH"), pytest.param(DH_KEY, DH, 1, id="DH")]
OLD_KEYS = (bytes(16), bytes(range(16)))


def number(digits: str) -> int:
    return int(digits, 16)


def infos_with(key: bytes, agreement: int) -> SecurityInfos:
    """DG14 of the example's chip, had it announced version 1 with AES-128."""
    announced = bytes.fromhex(f"3012060A04007F0007020203{agreement:02X}02020101020101")
    return parse(wrapped(0x31, announced + key), "dg14")


@pytest.mark.parametrize(("key", "example", "agreement"), EXAMPLES)
def test_agreement_and_keys_are_those_of_the_example(key: bytes, example: dict[str, str], agreement: int) -> None:
    offer = choose(infos_with(key, agreement))
    assert offer is not None
    assert offer.group.public_key(number(example["chip_private"])) == offer.public_key
    ours = offer.group.key_pair(number(example["reader_private"]))
    assert ours.public.hex().upper() == example["reader_public"]
    shared = ours.shared_secret(offer.public_key, "example")
    assert shared.hex().upper() == example["shared"]
    secret = shared + bytes.fromhex(example["nonce"])
    assert derive_key(secret, ENCRYPTION, Cipher.AES128).hex().upper() == example["k_enc"]
    assert derive_key(secret, AUTHENTICATION, Cipher.AES128).hex().upper() == example["k_mac"]


@pytest.mark.parametrize(("key", "example", "agreement"), EXAMPLES)
def test_the_commands_carry_the_values_of_the_example(key: bytes, example: dict[str, str], agreement: int) -> None:
    """The two commands byte by byte, and a chip that computed its new keys from the example's shared secret."""
    shared = bytes.fromhex(example["shared"])
    new_keys = Keys(True, *(hashlib.sha1(shared + bytes((0, 0, 0, n))).digest()[:16] for n in (1, 2)))  # noqa: S324

    def application(command: Plain) -> Answer:
        return Answer(b"\x7c\x00", keys=new_keys) if command.ins == 0x86 else Answer()

    chip = Chip(Keys(True, *OLD_KEYS), application)
    old = SecureChannel(plain_channel(chip), suite(Cipher.AES128, *OLD_KEYS))
    offer = choose(infos_with(key, agreement))
    assert offer is not None
    new = authenticate(old, offer, lambda _order: number(example["reader_private"]))
    set_at, general_authenticate = chip.seen
    oid = f"04007F0007020203{agreement:02X}02"
    assert set_at == Plain(0x22, 0x41, 0xA4, bytes.fromhex(f"800A{oid}840101"), None)
    ((_, dynamic, _),) = unwrapped(general_authenticate.data)
    assert unwrapped(dynamic)[0][:2] == (0x80, bytes.fromhex(example["reader_public"]))
    assert new.send(Command(0x00, 0xA4, 0x02, 0x0C, b"\x01\x0e")).sw == 0x9000


def test_the_chip_of_the_example_itself_speaks_version_2_only() -> None:
    infos = parse(CARD_ACCESS, "card_access")
    assert [(info.version, info.key_id) for info in infos.chip_authentication] == [(2, 1)]
    keys = parse(wrapped(0x31, ECDH_KEY), "card_security").chip_keys
    assert choose(SecurityInfos(chip_authentication=infos.chip_authentication, chip_keys=keys)) is None


# Doc 9303-11, appendix I.1, over brainpoolP256r1
STATIC_KEY = (
    "1872709494399E7470A6431BE25E83EEE24FEA568C2ED28DB48E05DB3A610DC8"
    "84D256A40E35EFCB59BF6753D3A489D28C7A4D973C2DA138A6E7A4A08F68E16F"
)
MAPPING_KEY = (
    "A234236AA9B9621E8EFB73B5245C0E09D2576E5277183C1208BDD55280CAE8B3"
    "04F365713A356E65A451E165ECC9AC0AC46E3771342C8FE5AEDD092685338E23"
)
CHIP_DATA = "85DC3FA93D0952BFA82F5FD189EE75BD82F11D1F0B8ED4BF5319AC9B53C426B3"


def example_of_the_mapping(static_key: str = STATIC_KEY, chip_data: str = CHIP_DATA) -> bool:
    group = groups.by_parameter_id(13)
    assert group is not None
    mapped = Mapped(group, b"\x04" + bytes.fromhex(MAPPING_KEY), bytes.fromhex(chip_data))
    key = bytes.fromhex("305F060904007F0007020201023052300C060704007F0007010202010D03420004" + static_key)
    return verify_mapping(mapped, parse(wrapped(0x31, key), "card_security"))


def test_the_chip_of_appendix_i_made_its_mapping_with_its_own_key() -> None:
    assert example_of_the_mapping()


def test_with_one_bit_changed_it_did_not() -> None:
    assert not example_of_the_mapping(chip_data=CHIP_DATA[:-1] + "2")
    assert not example_of_the_mapping(static_key=MAPPING_KEY)


# Doc 9303-11, appendix F. It prints no key; the block is signed with one of ours.
CHALLENGE = bytes.fromhex("F173589974BF40C6")
INTERNAL_AUTHENTICATE = bytes.fromhex("0088000008F173589974BF40C600")
BLOCK = bytes.fromhex(
    "6A9D2784A67F8E7C659973EA1AEA25D95B6C8F91E5002F369F0FBDCE8A3CEC1991B543F1696546C5524CF23A5303CD6C"
    "98599F40B79F377B5F3A1406B3B4D8F96784D23AA88DB7E1032A405E69325FA91A6E86F5C71AEA978264C4A207446DAD"
    "4E7292E2DCDA3024B47DA8C063AA1E6D22FBD976AB0FE73D94D2D9C6D88127BC"
)


class ExampleChip:
    def send(self, command: Command) -> Response:
        assert command.encode() == INTERNAL_AUTHENTICATE
        return Response(signed(rsa_key(1024), BLOCK), 0x9000)


def test_the_signature_of_appendix_f_is_accepted() -> None:
    result = check(ExampleChip(), dg15_of(rsa_key(1024)), None, CHALLENGE)
    assert (result.result, result.algorithm) == (Outcome.PASSED, "rsa-9796-2-sha1-1024")
