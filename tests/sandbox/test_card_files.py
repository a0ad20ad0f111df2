"""The files in a citizen card: published vectors byte for byte, signatures by OpenSSL, the portrait by its decoder."""

import hashlib
import subprocess
from dataclasses import replace
from io import BytesIO
from pathlib import Path

import pytest
from asn1crypto import cms, core
from PIL import Image

from sandbox.card import dg13, files, image, mrz
from sandbox.card.der import oid, printable, sequence, utf8
from sandbox.card.trust import Authority
from sandbox.people import all_people, find
from sandbox.portrait import HEIGHT, WIDTH, jpeg, padded
from tests.support.terminal import unwrapped

ADDRESS = (
    "Căn hộ số 1234, Tòa nhà Thử Nghiệm B, Khu đô thị Mẫu Số Hai, Đường Nguyễn Thử Nghiệm, "
    "Phường Thử Nghiệm, Thành phố Mẫu"
)
DG13_A = """
6D8201A13082019D020101060628D3160100083182018E3011020101130C30303133303339303030313730170201020C
125472E1BAA76E205468E1BB8B204DE1BAAB75300F020103130A31342F30322F3230303330090201040C044EE1BBAF30
0F0201050C0A5669E1BB8774204E616D30090201060C044B696E68300B0201070C064B68C3B46E67302D0201080C2850
68C6B0E1BB9D6E67204DE1BAAB752C205175E1BAAD6E205468E1BBAD2C2048C3A0204EE1BB996930450201090C4053E1
BB91203120C490C6B0E1BB9D6E67204DE1BAAB752C205068C6B0E1BB9D6E67204DE1BAAB752C205175E1BAAD6E205468
E1BBAD2C2048C3A0204EE1BB9969303602010A0C314EE1BB9174207275E1BB936920433A31636D2064C6B0E1BB9B6920
73617520C49175C3B469206DE1BAAF74207472C3A169300F02010B130A32302F30352F32303231300F02010C0C0A3134
2F30322F32303238302A02010D30130C115472E1BAA76E2056C4836E204769E1BAA330100C0E4CC3AA205468E1BB8B20
44E1BBA5300302010E300302010F3015020110131030313233343536373839414243444546
"""
DG13_B = """
6D8201C4308201C0020101060628D316010008318201B13011020101130C30343831353539303030333130170201020C
124CC3AA205468E1BB8B2056C3AD2044E1BBA5300F020103130A32302F30392F3139353530090201040C044EE1BBAF30
0F0201050C0A5669E1BB8774204E616D30090201060C044B696E6830110201070C0C5068E1BAAD74206769C3A16F302A
0201080C2558C3A3205468E1BBAD2C20487579E1BB876E204DE1BAAB752C20C490C3A0204EE1BAB56E6730370201090C
3254E1BB9520322C205068C6B0E1BB9D6E67205468E1BBAD2C205175E1BAAD6E204DE1BAAB752C20C490C3A0204EE1BA
B56E67303F02010A0C3A53E1BAB96F206368E1BAA56D20433A32636D207472C3AA6E207472C6B0E1BB9B6320C491E1BA
A775206CC3B46E67206DC3A079207068E1BAA369300F02010B130A31302F31302F32303232301802010C0C134B68C3B4
6E67207468E1BB9D692068E1BAA16E302802010D30110C0F4CC3AA2056C4836E204B68C3B46E6730100C0E5068616E20
5468E1BB8B2043C3B3301602010E30110C0F48E1BB932056C4836E205468E1BBAD300E02010F13093230303030303031
373015020110131046454443424139383736353433323130
"""
DG13_C = """
6D81E63081E3020101060628D3160100083181D53011020101130C3037393230303930303032343081A50201090C819F
43C4836E2068E1BB992073E1BB9120313233342C2054C3B261206E68C3A0205468E1BBAD204E676869E1BB876D20422C
204B687520C491C3B4207468E1BB8B204DE1BAAB752053E1BB91204861692C20C490C6B0E1BB9D6E67204E677579E1BB
856E205468E1BBAD204E676869E1BB876D2C205068C6B0E1BB9D6E67205468E1BBAD204E676869E1BB876D2C205468C3
A06E68207068E1BB91204DE1BAAB75301802010C0C134B68C3B46E67207468E1BB9D692068E1BAA16E
"""
DG13_D = """
6D643062020101060628D31601000831553011020101130C30373932303039303030323430180201020C134E677579E1
BB856E2056C4836E205468E1BBAD300F02010C0C0A30312F30372F32303430300B02010D30020C0030020C0030030201
0E300302010F
"""


class GroupHash(core.Sequence):
    _fields = [("number", core.Integer), ("hash", core.OctetString)]  # noqa: RUF012  # asn1crypto's own way


class GroupHashes(core.SequenceOf):
    _child_spec = GroupHash


@pytest.fixture(scope="module")
def card(authority: Authority) -> image.CardImage:
    person = find("mau")
    return files.build(person, jpeg(person), authority)


@pytest.mark.parametrize(
    ("key", "lines", "information"),
    [
        (
            "mau",
            ("IDVNM3039000177001303900017<<8", "0302140F2802149VNM<<<<<<<<<<<2", "TRAN<<THI<MAU<<<<<<<<<<<<<<<<<"),
            "303900017703021402802149",
        ),
        (
            "thu",
            ("IDVNM2009000247079200900024<<7", "0007010M4007018VNM<<<<<<<<<<<8", "NGUYEN<<VAN<THU<<<<<<<<<<<<<<<"),
            "200900024700070104007018",
        ),
        (
            "vi-du",
            ("IDVNM1559000310048155900031<<0", "5509209F9912315VNM<<<<<<<<<<<2", "LE<<THI<VI<DU<<<<<<<<<<<<<<<<<"),
            "155900031055092099912315",
        ),
        (
            "nhi",
            ("IDVNM3219000481092321900048<<0", "2103053F3503052VNM<<<<<<<<<<<4", "PHAM<<MAU<NHI<<<<<<<<<<<<<<<<<"),
            "321900048121030533503052",
        ),
    ],
)
def test_the_mrz_is_that_of_the_published_vectors(key: str, lines: tuple[str, str, str], information: str) -> None:
    person = find(key)
    zone = mrz.zone(person.personal_id, person.full_name, person.birth_date, person.sex, person.expiry_date)
    assert zone.lines == lines
    assert zone.information == information


def test_dg1_holds_the_90_characters(card: image.CardImage) -> None:
    dg1 = card.files[image.DG1]
    assert dg1[:5] == bytes.fromhex("615D5F1F5A")
    assert len(dg1) == 95


@pytest.mark.parametrize(
    ("name", "line"),
    [
        ("H'Mẫu Niê Kđăm", "HMAU<<NIE<KDAM<<<<<<<<<<<<<<<<"),
        ("Y Bơ̆k Thử Êban", "Y<<BOK<THU<EBAN<<<<<<<<<<<<<<<"),
        ("Đặng Thị Trễ", "DANG<<THI<TRE<<<<<<<<<<<<<<<<<"),
        ("Công Tằng Tôn Nữ Thử Nghiệm Thị Tên Dài", "CONG<<TANG<TON<NU<THU<NGHIEM<T"),
        ("Thử", "THU<<<<<<<<<<<<<<<<<<<<<<<<<<<"),
    ],
)
def test_names_are_written_in_latin_letters(name: str, line: str) -> None:
    assert mrz.name_line(name) == line


def test_a_birth_date_of_one_year_leaves_fillers() -> None:
    assert mrz.short_date("1948") == "48<<<<"
    assert mrz.short_date("1948-05") == "4805<<"
    assert mrz.short_date("1948-05-09") == "480509"


UTOPIAN = mrz.Entries(
    code="P",
    state="UTO",
    number="L898902C3",
    full_name="Eriksson Anna Maria",
    nationality="UTO",
    birth_date="1974-08-12",
    sex="female",
    expiry_date="2012-04-15",
    optional="ZE184226B",
)


def test_the_zone_of_a_passport_is_that_of_the_specimen() -> None:
    zone = mrz.td3(UTOPIAN)
    assert zone.lines == (
        "P<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<<<<<<<<<",
        "L898902C36UTO7408122F1204159ZE184226B<<<<<10",
    )
    assert zone.information == "L898902C3674081221204159"


def test_the_zone_of_a_td2_document_is_that_of_the_specimen() -> None:
    zone = mrz.td2(replace(UTOPIAN, code="I", number="D23145890", optional=""))
    assert zone.lines == ("I<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<", "D231458907UTO7408122F1204159<<<<<<<6")


def test_a_long_number_goes_on_in_the_optional_data() -> None:
    entries = replace(UTOPIAN, code="I", number="D23145890734", full_name="Stevenson Peter John", optional="")
    zone = mrz.td1(replace(entries, birth_date="1934-07-12", sex="male", expiry_date="1995-07-12"))
    assert zone.lines == (
        "I<UTOD23145890<7349<<<<<<<<<<<",
        "3407127M9507122UTO<<<<<<<<<<<2",
        "STEVENSON<<PETER<JOHN<<<<<<<<<",
    )
    assert zone.information == "D23145890734934071279507122"


def test_a_holder_may_be_neither_man_nor_woman() -> None:
    assert mrz.td3(replace(UTOPIAN, sex="")).lines[1][20] == "<"


def test_dg13_is_that_of_the_published_vectors(card: image.CardImage) -> None:
    assert card.files[image.DG13] == bytes.fromhex(DG13_A)
    assert dg13.encode(files.dg13_fields(find("vi-du"))) == bytes.fromhex(DG13_B)


def test_dg13_with_a_long_address_and_absent_fields() -> None:
    fields = [(1, printable("079200900024")), (9, utf8(ADDRESS)), (12, dg13.expiry("none"))]
    assert dg13.encode(fields) == bytes.fromhex(DG13_C)


def test_dg13_with_empty_parents() -> None:
    fields = [
        (1, printable("079200900024")),
        (2, utf8("Nguyễn Văn Thử")),
        (12, dg13.expiry("2040-07-01")),
        (13, dg13.relatives(["", ""])),
        (14, dg13.relatives([])),
        (15, b""),
    ]
    assert dg13.encode(fields) == bytes.fromhex(DG13_D)


def test_the_constant_files_are_those_of_a_real_card(card: image.CardImage) -> None:
    assert card.files[image.COM].hex().upper() == "60185F0104303130375F36063034303030305C066175636D6F6E"
    assert card.master_files[image.CARD_ACCESS].hex().upper() == (
        "3134300D060804007F0007020202020101300F060A04007F000702020302020201013012060A04007F0007020204020202010202010D"
    )


@pytest.mark.parametrize("key", ["mau", "nhi", "dia-chi-dai"])
def test_openssl_accepts_the_signature_and_every_group_has_its_hash(
    key: str, authority: Authority, tmp_path: Path
) -> None:
    card = files.build(find(key), jpeg(find(key)), authority)
    (tmp_path / "sod.der").write_bytes(unwrapped(card.files[image.SOD], 0x77))
    # OpenSSL 3 refuses certificates with explicit curve parameters in a chain; the chain has its own test below.
    done = subprocess.run(
        ["openssl", "cms", "-verify", "-noverify", "-inform", "DER", "-in", "sod.der", "-out", "lds.der"],
        cwd=tmp_path,
        capture_output=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr.decode()
    content = core.Sequence.load((tmp_path / "lds.der").read_bytes())
    hashes = {entry["number"].native: entry["hash"].native for entry in GroupHashes.load(content[2].dump())}
    groups = {file & 0xFF: content for file, content in card.files.items() if 1 <= file & 0xFF <= 16}
    assert hashes == {number: hashlib.sha256(content).digest() for number, content in groups.items()}


def test_a_changed_group_breaks_the_signature(card: image.CardImage, tmp_path: Path) -> None:
    sod = unwrapped(card.files[image.SOD], 0x77)
    where = sod.index(hashlib.sha256(card.files[image.DG13]).digest())
    (tmp_path / "sod.der").write_bytes(sod[:where] + bytes(32) + sod[where + 32 :])
    done = subprocess.run(
        ["openssl", "cms", "-verify", "-noverify", "-inform", "DER", "-in", "sod.der", "-out", "lds.der"],
        cwd=tmp_path,
        capture_output=True,
        check=False,
    )
    assert done.returncode != 0


def test_the_sod_names_its_signer_and_when_it_signed(card: image.CardImage, authority: Authority) -> None:
    signed = cms.ContentInfo.load(unwrapped(card.files[image.SOD], 0x77))["content"]
    (signer,) = signed["signer_infos"]
    assert signer["sid"].chosen["serial_number"].native == authority.signer_serial
    assert signed["encap_content_info"]["content_type"].native == "2.23.136.1.1.1"
    times = [entry["values"][0].native for entry in signer["signed_attrs"] if entry["type"].native == "signing_time"]
    assert times[0].date().isoformat() == "2021-05-20"


@pytest.mark.parametrize("person", [person.key for person in all_people()])
def test_the_portrait_is_a_jpeg_of_a_real_cards_size(person: str) -> None:
    painted = jpeg(find(person))
    assert painted == jpeg(find(person))
    assert 12_000 < len(painted) < 16_500
    with Image.open(BytesIO(painted)) as decoded:
        decoded.load()
        assert (decoded.format, decoded.size) == ("JPEG", (WIDTH, HEIGHT))


@pytest.mark.parametrize("more", [4, 5, 1000, 65_536, 65_537, 65_538, 65_541, 200_000])
def test_a_padded_portrait_is_the_same_picture(more: int) -> None:
    painted = jpeg(find("mau"))
    longer = padded(painted, len(painted) + more)
    assert len(longer) == len(painted) + more
    assert longer[:4] == b"\xff\xd8\xff\xe0"
    with Image.open(BytesIO(longer)) as one, Image.open(BytesIO(painted)) as other:
        assert one.tobytes() == other.tobytes()


def test_a_portrait_cannot_be_padded_to_less_than_it_is() -> None:
    painted = jpeg(find("mau"))
    assert padded(painted, len(painted)) == painted
    for size in (len(painted) + 3, len(painted) - 1):
        with pytest.raises(ValueError):
            padded(painted, size)


def test_dg2_is_a_face_record_around_the_portrait(card: image.CardImage) -> None:
    dg2 = card.files[image.DG2]
    painted = jpeg(find("mau"))
    start = dg2.index(b"FAC\x00010\x00")
    record = dg2[start:]
    assert int.from_bytes(record[8:12], "big") == len(record)  # length of the record (ISO/IEC 19794-5, 5.4.3)
    assert record[12:14] == b"\x00\x01"  # one face
    assert int.from_bytes(record[14:18], "big") == len(record) - 14  # length of its block
    assert record[34:36] == b"\x01\x00"  # full frontal, JPEG
    assert (int.from_bytes(record[36:38], "big"), int.from_bytes(record[38:40], "big")) == (WIDTH, HEIGHT)
    assert record[46:] == painted
    assert dg2[:2] == b"\x75\x82"


def test_encodings_follow_their_rules() -> None:
    assert oid("2.23.136.1.1.1") == core.ObjectIdentifier("2.23.136.1.1.1").dump()
    assert oid("1.2.840.113549.1.7.2") == core.ObjectIdentifier("1.2.840.113549.1.7.2").dump()
    assert sequence(b"\x00" * 130)[:3] == b"\x30\x81\x82"
