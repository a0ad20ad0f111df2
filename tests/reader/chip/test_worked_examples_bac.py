"""The worked examples of ICAO Doc 9303-11, appendix D, byte by byte: keys from the MRZ, basic access control, and the
first commands under secure messaging; and AES secure messaging from BSI's worked example, since Doc 9303 has none. A
scripted card takes no other byte than theirs.
"""

import pytest

from reader.chip import access_keys, apdu, bac
from reader.chip.apdu import Command, Response, parse_response
from reader.chip.key_derivation import (
    AUTHENTICATION,
    ENCRYPTION,
    PASSWORD,
    Cipher,
    basic_access_keys,
    can_password,
    derive_key,
    mrz_password,
)
from reader.chip.secure_messaging import AesSuite, SecureChannel

MRZ_INFORMATION = "L898902C<369080619406236"
SEED = "239AB9CB282DAF66231DC5A4DF6BFBAE"
SESSION_SEED = "0036D272F5C350ACAC50C3F572D23600"


class ScriptedCard:
    """Takes exactly these commands in this order."""

    def __init__(self, *exchanges: tuple[str, str]) -> None:
        self.exchanges = list(exchanges)

    def send(self, command: Command) -> Response:
        expected, reply = self.exchanges.pop(0)
        assert command.encode().hex().upper() == expected
        return parse_response(bytes.fromhex(reply))


def test_appendix_d_1_keys_from_a_seed():
    seed = bytes.fromhex(SEED)
    assert derive_key(seed, ENCRYPTION, Cipher.TDES).hex().upper() == "AB94FDECF2674FDFB9B391F85D7F76F2"
    assert derive_key(seed, AUTHENTICATION, Cipher.TDES).hex().upper() == "7962D9ECE03D1ACD4C76089DCE131543"


@pytest.mark.parametrize(
    ("zone", "mrz_information", "seed"),
    [
        pytest.param(
            "I<UTOSTEVENSON<<PETER<JOHN<<<<<<<<<<\nD23145890<UTO3407127M95071227349<<<8",
            "D23145890734934071279507122",
            "B366AD857DDCA2B08C0E299811714730",
            id="TD2, a document number of more than nine characters",
        ),
        pytest.param(
            "I<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<\nL898902C<3UTO6908061F9406236<<<<<<<8",
            MRZ_INFORMATION,
            SEED,
            id="TD2, a document number of nine characters",
        ),
        pytest.param(
            "I<UTOD23145890<7349<<<<<<<<<<<\n3407127M9507122UTO<<<<<<<<<<<2\nSTEVENSON<<PETER<JOHN<<<<<<<<<",
            "D23145890734934071279507122",
            "B366AD857DDCA2B08C0E299811714730",
            id="TD1, a document number of more than nine characters",
        ),
        pytest.param(
            "I<UTOL898902C<3<<<<<<<<<<<<<<<\n6908061F9406236UTO<<<<<<<<<<<1\nERIKSSON<<ANNA<MARIA<<<<<<<<<<",
            MRZ_INFORMATION,
            SEED,
            id="TD1, a document number of nine characters",
        ),
    ],
)
def test_appendix_d_2_keys_from_the_mrz(zone, mrz_information, seed):
    keys = access_keys.from_mrz_text(zone)
    assert (keys.can, keys.mrz) == (None, (mrz_information,))
    assert mrz_password(mrz_information).secret[:16].hex().upper() == seed
    expected = [derive_key(bytes.fromhex(seed), counter, Cipher.TDES) for counter in (ENCRYPTION, AUTHENTICATION)]
    assert list(basic_access_keys(mrz_information)) == expected


def test_appendix_d_3_and_d_4_access_and_the_first_commands():
    card = ScriptedCard(
        ("0084000008", "4608F919887022129000"),
        (
            "008200002872C29C2371CC9BDB65B779B8E8D37B29ECC154AA56A8799FAE2F498F76ED92F25F1448EEA8AD90A728",
            "46B9342A41396CD7386BF5803104D7CEDC122B9132139BAF2EEDC94EE178534F2F2D235D074D74499000",
        ),
        ("0CA4020C158709016375432908C044F68E08BF8B92D635FF24F800", "990290008E08FA855A5D4C50A8ED9000"),
        (
            "0CB000000D9701048E08ED6705417E96BA5500",
            "8709019FF0EC34F9922651990290008E08AD55CC17140B2DED9000",
        ),
        (
            "0CB000040D9701128E082EA28A70F3C7B53500",
            "871901FB9235F4E4037F2327DCC8964F1F9B8C30F42C8E2FFF224A990290008E08C8B2787EAEA07D749000",
        ),
    )
    random = iter(["781723860C06C226", "0B795240CB7049B01C19B33E32804F0B"])

    def random_bytes(size: int) -> bytes:
        drawn = bytes.fromhex(next(random))
        assert len(drawn) == size
        return drawn

    channel = bac.establish(card, MRZ_INFORMATION, random_bytes)
    assert channel.send(apdu.select_file(0x011E)) == Response(b"", 0x9000)
    header = channel.send(apdu.read_current(0, 4)).data
    assert header.hex().upper() == "60145F01"
    rest = channel.send(apdu.read_current(4, 18)).data
    assert (header + rest).hex().upper() == "60145F0104303130365F36063034303030305C026175"
    assert card.exchanges == []


def test_appendix_d_3_session_keys():
    seed = bytes.fromhex(SESSION_SEED)
    assert derive_key(seed, ENCRYPTION, Cipher.TDES).hex().upper() == "979EC13B1CBFE9DCD01AB0FED307EAE5"
    assert derive_key(seed, AUTHENTICATION, Cipher.TDES).hex().upper() == "F1CB1F1FB5ADF208806B89DC579DC1F8"


def test_appendix_g_1_aes_keys_from_passwords_and_secrets():
    shared = bytes.fromhex("28768D20701247DAE81804C9E780EDE582A9996DB4A315020B2733197DB84925")
    assert derive_key(shared, ENCRYPTION, Cipher.AES128).hex().upper() == "F5F0E35C0D7161EE6724EE513A0D9A7F"
    assert derive_key(shared, AUTHENTICATION, Cipher.AES128).hex().upper() == "FE251C7858B356B24514B3BD5F4297D1"
    password = mrz_password("T22000129364081251010318")
    assert derive_key(password.secret, PASSWORD, Cipher.AES128).hex().upper() == "89DED1B26624EC1E634C1989302849DD"


# BSI, Worked Example for Extended Access Control, version 1.02: what follows PACE there.
EAC_ENCRYPTION = bytes.fromhex("68406B4162100563D9C901A6154D2901")
EAC_CHECKSUM = bytes.fromhex("73FF268784F72AF833FDC9464049AFC9")
EAC_CERTIFICATE = bytes.fromhex(
    "7F4E81DE5F290100420D444543564341415430303030317F498190060A04007F00070202020205868181040A74972E84B7D2C428FBE46D40C9"
    "2D6CB56AE6A4B0AF5B8BC0927E5EF6F73220776D31693E36D685DF6CF3763E41728D967DC1963F7CA70F0EA7ADB5EA856D8A133B867B8EF413"
    "2E7FFA3E8F32CD0321FC22199B9323376E59D84A062491948117178BF4DB6C0EE7A235BFC3D4459183D408232AC781C78CF5C54E2FF35BA516"
    "5F200D444554455354445644453031397F4C12060904007F0007030102025305801FFFFF105F25060100000903005F24060100010003005F37"
    "818098C637BEFA63058921902896A605206D5BE3BFF2F7E258EB0BB06EA7E84DFBC98E35276110C684BB23D277350E3862E6A30520808F417B"
    "8911985880A556E1758C7FE6545B3DA03383BD7B5B51DEC007139CBC44FF320F84F2B6AD44C7B28FCAEB2B7B98E3A2BAE8322B115A8F10D483"
    "49281B4F4645C9AAE307CFAE9AD6B194"
)


def test_the_worked_example_of_extended_access_control_byte_by_byte():
    card = ScriptedCard(
        ("0C2281B61D871101BE90237EEB4BA0FF253EA246AE31C8B88E0892D21C73A1DFE99900", "990290008E08A89570A68664A7D69000"),
        (
            "0C2A00BE00017F8782017101BB99CB14CA8DAB03808E10A40524A8A65C86FD7B674AE43B2AFE419447B1EBAD05D8AE6E347EE181A8"
            "3628F5C179B49137A2E678B9818D867999C6E37EF7F3F68DAB4136A1491C915B616BEB835AFEDEA79261C7F5CE5C6387BD720690AB"
            "909D13CE3615C9CDA7167026B3D828135B8C54F0F11AF8DB65B9F435BB2CCF4171F82C45723A88B5FFA3409F09EDF9A246E84C215F"
            "0EF1A8BB2718350A4F9632C7068CB9C9FA4E0A7540875D4B73D28AE05C28D523B42C6D4C1A4F6478F66E86EE421BC8DB6834120BEC"
            "B912B150ABAC9D806D66AC1F7BEF14C540F0A253E1C1830327B9375F6BDA79A8B277DDEF63D7EE2552531E2C9E44B7152984A577E2"
            "E8A5C3213FBCB4BF7F0DF3ECF9EBD50C48EF2D01C3B303AF5839264AA534D55876AF81CAB173F7084EBF463D8F0AF16AB97ADB9D4C"
            "65688DD432A9EC3B3F8D9A685BA8484B5EA21AF739CDA4D63C2A9874B961F53006977064830590E2761F88AA6E4D65088AE4C7C84D"
            "E8AE62B68E557DCDF58E08E38ACDA44E503CE50000",
            "990290008E082B06864AEA1A10139000",
        ),
        ("0C2281B61D871101A7BB8F230FFF9221162AD673B9F319A88E08D8713E9B7A600B4900", "990290008E08C8488F79FEF386C79000"),
    )
    channel = SecureChannel(card, AesSuite(EAC_ENCRYPTION, EAC_CHECKSUM))
    for command in (
        Command(0x00, 0x22, 0x81, 0xB6, bytes.fromhex("830D44454356434141543030303031")),
        Command(0x00, 0x2A, 0x00, 0xBE, EAC_CERTIFICATE),
        Command(0x00, 0x22, 0x81, 0xB6, bytes.fromhex("830D44455445535444564445303139")),
    ):
        assert channel.send(command) == Response(b"", 0x9000)
    assert card.exchanges == []


@pytest.mark.parametrize(("cipher", "size"), [("AES-128", 16), ("AES-192", 24), ("AES-256", 32), ("3DES", 16)])
def test_keys_have_the_size_of_their_cipher(cipher, size):
    keys = {derive_key(b"secret", counter, Cipher(cipher)) for counter in (1, 2, 3)}
    assert {len(key) for key in keys} == {size}
    assert len(keys) == 3


def test_every_byte_of_a_triple_des_key_has_odd_parity():
    for n in range(64):
        key = derive_key(bytes([n]), ENCRYPTION, Cipher.TDES)
        assert all(byte.bit_count() % 2 == 1 for byte in key)


@pytest.mark.parametrize(
    ("mrz_information", "seed", "k_enc", "k_mac", "can", "k_pi_can", "k_pi_mrz"),
    [
        (
            "303900017703021402802149",
            "69664309847BE26352A78D001FCACDF3",
            "A1CEAE3E701AAE85D9E9D37CEA34A173",
            "F15EB03123640E2FB9D5438540944945",
            "900017",
            "AF49B2AE5DCABC8D71C93DD5F739B76D",
            "7933D8FE89A145D0E1DDB6E141B917C7",
        ),
        (
            "200900024700070104007018",
            "03D56E21D46EBF763536E368DA75090A",
            "FE0E754558D6F7167673197C7FB59E58",
            "4C927A5873F40D7043AEE964836EB3FE",
            "900024",
            "BD46F82AA9AC971E015E525EFD08E5B3",
            "6D42AA0FD531619A701420F9ECC9A94C",
        ),
        (
            "155900031055092099912315",
            "1C3CEEB505A18B4BB5C59195B486F056",
            "0791A8BF3EF104F4F10D6B7F107C804A",
            "023475FEA2A88685803ED6BFC7011694",
            "900031",
            "3085E77532E7D9930B638B596963DFD8",
            "BCFEDE1D9D9AFE4BC6A84A482836460B",
        ),
        (
            "321900048121030533503052",
            "06C03ED3B9CA5F62AFD3F5407A42867F",
            "7C3249977952F82F675204C1041A2010",
            "514F160DFD628CB53EAE80585701B561",
            "900048",
            "3C5CCC10C58639D6DFEEF1B8AE691336",
            "D5B91DCB3A1F398B4131B446342BD431",
        ),
    ],
)
def test_the_keys_of_the_synthetic_citizens(mrz_information, seed, k_enc, k_mac, can, k_pi_can, k_pi_mrz):
    """card.md 10.3"""
    assert mrz_password(mrz_information).secret[:16].hex().upper() == seed
    assert [key.hex().upper() for key in basic_access_keys(mrz_information)] == [k_enc, k_mac]
    assert derive_key(can_password(can).secret, PASSWORD, Cipher.AES128).hex().upper() == k_pi_can
    assert derive_key(mrz_password(mrz_information).secret, PASSWORD, Cipher.AES128).hex().upper() == k_pi_mrz
