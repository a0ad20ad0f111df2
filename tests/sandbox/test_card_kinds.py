"""The kinds of cards: each file of each kind taken apart by parsers that share nothing with its maker."""

import hashlib
import subprocess
from collections.abc import Callable
from dataclasses import replace
from io import BytesIO
from pathlib import Path

import pytest
from asn1crypto import cms, core, keys, x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import load_der_public_key
from PIL import Image

from sandbox.card import image, kinds
from sandbox.card.image import CardImage
from sandbox.card.kinds import KINDS
from sandbox.card.parameters import NAMES, domain, modular_domain
from sandbox.card.spec import CITIZEN, ChipKeySpec, Layout, Portraits, Signature
from sandbox.card.trust import Authority
from sandbox.errors import TrustUnusable
from sandbox.people import find
from sandbox.portrait import jpeg
from tests.support.terminal import unwrapped

Made = Callable[[str], CardImage]
TAGS = {0x61: 1, 0x75: 2, 0x63: 3, 0x67: 7, 0x6B: 11, 0x6C: 12, 0x6D: 13, 0x6E: 14, 0x6F: 15}
MAU = find("mau")
PACE_OIDS = {
    "citizen": {"0.4.0.127.0.7.2.2.4.2.2": 13},
    "pace_im": {"0.4.0.127.0.7.2.2.4.4.2": 13},
    "pace_cam": {"0.4.0.127.0.7.2.2.4.6.2": 13, "0.4.0.127.0.7.2.2.4.2.2": 13},
    "pace_dh": {"0.4.0.127.0.7.2.2.4.1.2": 2},
    "pace_dh_im": {"0.4.0.127.0.7.2.2.4.3.2": 2},
    "pace_3des": {"0.4.0.127.0.7.2.2.4.2.1": 13},
    "pace_aes256_brainpoolp512r1": {"0.4.0.127.0.7.2.2.4.2.4": 17},
    "pace_aes256_secp521r1": {"0.4.0.127.0.7.2.2.4.2.4": 18},
    **{
        f"pace_parameters_{number}": {f"0.4.0.127.0.7.2.2.4.{1 if number < 3 else 2}.2": number}
        for number in (0, 1, 2, *range(8, 19))
    },
}


class Objects:
    """Data objects of one level (ISO/IEC 7816-4, 5.2.2): tag and content. asn1crypto refuses tags like 5F01."""

    def __init__(self, data: bytes) -> None:
        self.all: list[tuple[int, bytes]] = []
        while data:
            size = 1 if data[0] & 0x1F != 0x1F else 2
            more = data[size] & 0x7F if data[size] & 0x80 else 0
            start = size + 1 + more
            end = start + (int.from_bytes(data[size + 1 : start], "big") if more else data[size])
            assert end <= len(data)
            self.all.append((int.from_bytes(data[:size], "big"), data[start:end]))
            data = data[end:]

    def __getitem__(self, tag: int) -> bytes:
        (found,) = self.every(tag)
        return found

    def every(self, tag: int) -> list[bytes]:
        return [content for number, content in self.all if number == tag]

    @property
    def tags(self) -> list[int]:
        return [tag for tag, _ in self.all]


class SecurityInfos(core.SetOf):
    _child_spec = core.Sequence


def items(sequence: core.Sequence) -> list[core.Asn1Value]:
    return [sequence[index] for index in range(len(sequence))]


def infos(encoded: bytes) -> list[core.Sequence]:
    return list(SecurityInfos.load(encoded, strict=True))


def oids(encoded: bytes) -> list[str]:
    return [entry[0].native for entry in infos(encoded)]


def chip_keys(encoded: bytes) -> list[tuple[bytes, int | None]]:
    """SubjectPublicKeyInfo and number of each ChipAuthenticationPublicKeyInfo."""
    return [
        (entry[1].dump(), entry[2].native if len(entry) > 2 else None)
        for entry in infos(encoded)
        if entry[0].native.startswith("0.4.0.127.0.7.2.2.1.")
    ]


@pytest.fixture(scope="module")
def made(authority: Authority) -> Made:
    cards: dict[str, CardImage] = {}

    def make(kind: str) -> CardImage:
        if kind not in cards:
            cards[kind] = kinds.build(kind, MAU, jpeg(MAU), authority)
        return cards[kind]

    return make


def verified(encoded: bytes, folder: Path) -> bytes:
    """The content of signed data, as OpenSSL gives it out; the chain is a matter of its own."""
    (folder / "signed.der").write_bytes(encoded)
    done = subprocess.run(
        ["openssl", "cms", "-verify", "-noverify", "-inform", "DER", "-in", "signed.der", "-out", "content"],
        cwd=folder,
        capture_output=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr.decode()
    return (folder / "content").read_bytes()


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_lists_its_groups_and_signs_them(kind: str, made: Made, tmp_path: Path) -> None:
    card = made(kind)
    groups = {file & 0xFF: data for file, data in card.files.items() if 1 <= file & 0xFF <= 16}
    listed = Objects(Objects(card.files[image.COM])[0x60])[0x5C]
    assert {TAGS[tag] for tag in listed} == set(groups)
    assert all(TAGS[data[0]] == number for number, data in groups.items())
    content = core.Sequence.load(verified(unwrapped(card.files[image.SOD], 0x77), tmp_path))
    digest = content[1][0].native.replace("1.3.14.3.2.26", "sha1").replace("2.16.840.1.101.3.4.2.", "")
    name = {"1": "sha256", "2": "sha384", "3": "sha512", "4": "sha224"}.get(digest, digest)
    hashes = {entry[0].native: entry[1].native for entry in items(content[2])}
    assert hashes == {number: hashlib.new(name, data).digest() for number, data in groups.items()}


@pytest.mark.parametrize("kind", KINDS)
def test_a_kind_is_known_by_the_name_it_bears(kind: str) -> None:
    assert KINDS[kind].name == kind
    assert KINDS[kind].about


def test_the_same_card_has_the_same_keys_each_time(authority: Authority, made: Made) -> None:
    for kind in ("citizen", "aa_rsa_sha256", "ca_many"):
        again = kinds.build(kind, MAU, jpeg(MAU), authority)
        unsigned = {file: data for file, data in again.files.items() if file != image.SOD}
        assert unsigned.items() <= made(kind).files.items()
        assert again.active_authentication == made(kind).active_authentication
        assert again.chip_authentication == made(kind).chip_authentication


def test_every_person_can_have_any_document(authority: Authority) -> None:
    for person in map(find, ("nam-sinh", "dia-chi-dai", "eban", "nhi")):
        for kind in ("passport", "identity_td2", "bac_only", "child_2024"):
            assert kinds.build(kind, person, None, authority).files[image.DG1]


# Access


@pytest.mark.parametrize(("kind", "offers"), PACE_OIDS.items(), ids=PACE_OIDS)
def test_the_access_file_offers_what_the_chip_speaks(kind: str, offers: dict[str, int], made: Made) -> None:
    card = made(kind)
    told = {
        entry[0].native: entry[2].native
        for entry in infos(card.master_files[image.CARD_ACCESS])
        if entry[0].native.startswith("0.4.0.127.0.7.2.2.4.")
    }
    assert told == offers
    assert [offer.parameters for offer in card.access.pace] == list(offers.values())


@pytest.mark.parametrize("mapping", ["GM", "IM", "CAM"])
@pytest.mark.parametrize("cipher", ["AES-128", "AES-192", "AES-256"])
def test_every_combination_with_a_curve_can_be_made(mapping: str, cipher: str, authority: Authority) -> None:
    for number in range(8, 19):
        card = kinds.build(kinds.with_pace(mapping, cipher, number), MAU, None, authority)
        assert card.access.pace[0] == image.Pace(mapping=mapping, cipher=cipher, parameters=number)
        assert (image.CARD_SECURITY in card.master_files) == (mapping == "CAM")


def test_an_old_card_offers_no_pace(made: Made) -> None:
    card = made("bac_only")
    assert (card.master_files, card.access.pace, card.access.bac) == ({}, (), True)
    assert card.can is None
    assert image.DG14 not in card.files


def test_the_mapping_key_stands_in_the_signed_security_file(made: Made, tmp_path: Path) -> None:
    card = made("pace_cam")
    signed = card.master_files[image.CARD_SECURITY]
    content_type = cms.ContentInfo.load(signed)["content"]["encap_content_info"]["content_type"]
    assert content_type.native == "0.4.0.127.0.7.3.2.1"
    content = verified(signed, tmp_path)
    assert set(oids(card.master_files[image.CARD_ACCESS])) <= set(oids(content))
    ((information, _),) = chip_keys(content)
    algorithm, point = items(core.Sequence.load(information))
    assert (algorithm[0].native, algorithm[1].native) == ("0.4.0.127.0.7.1.2", 13)
    key, other = card.chip_authentication
    assert (key.ciphers, other.ciphers) == ((), ("AES-128",))
    private = ec.derive_private_key(int.from_bytes(key.private, "big"), ec.BrainpoolP256R1())
    numbers = private.public_key().public_numbers()
    assert point.contents[1:] == b"\x04" + numbers.x.to_bytes(32, "big") + numbers.y.to_bytes(32, "big")
    ((in_dg14, _),) = chip_keys(unwrapped(card.files[image.DG14], 0x6E))
    assert in_dg14 != information


def test_a_document_may_tell_how_long_apdus_can_be(made: Made) -> None:
    files = made("passport").master_files
    lengths = Objects(Objects(files[image.ATR_INFO])[0x7F66]).every(0x02)
    assert [int.from_bytes(length, "big") for length in lengths] == [1000, 4096]
    assert Objects(Objects(files[image.DIR])[0x61])[0x4F] == bytes.fromhex("A0000002471001")


# Proofs


def test_keys_over_dh_come_in_both_forms(made: Made) -> None:
    for kind, oid, group in (
        ("ca_dh", "1.2.840.10046.2.1", "modp2048-256"),
        ("ca_dh_pkcs3", "1.2.840.113549.1.3.1", "modp1024-160"),
    ):
        card = made(kind)
        ((information, _),) = chip_keys(unwrapped(card.files[image.DG14], 0x6E))
        algorithm, value = items(core.Sequence.load(information))
        numbers = modular_domain(group)
        expected = [numbers.p, numbers.g] + ([numbers.q] if kind == "ca_dh" else [])
        assert algorithm[0].native == oid
        assert [number.native for number in items(algorithm[1])] == expected
        (key,) = card.chip_authentication
        assert core.Integer.load(value.contents[1:]).native == pow(
            numbers.g, int.from_bytes(key.private, "big"), numbers.p
        )


def test_a_named_key_on_a_curve_is_what_the_library_expects(made: Made) -> None:
    card = made("ca_aes256")
    ((information, _),) = chip_keys(unwrapped(card.files[image.DG14], 0x6E))
    public = load_der_public_key(information)
    (key,) = card.chip_authentication
    assert isinstance(public, ec.EllipticCurvePublicKey)
    private = ec.derive_private_key(int.from_bytes(key.private, "big"), ec.SECP521R1())
    assert public.public_numbers() == private.public_key().public_numbers()


@pytest.mark.parametrize("number", range(8, 19))
def test_a_key_on_every_curve_is_written_out_as_openssl_knows_it(
    number: int, authority: Authority, tmp_path: Path
) -> None:
    kind = kinds.with_chip_key(ChipKeySpec(NAMES[number]), name="any", about="any")
    card = kinds.build(kind, MAU, None, authority)
    ((information, _),) = chip_keys(unwrapped(card.files[image.DG14], 0x6E))
    (tmp_path / "key.der").write_bytes(information)
    done = subprocess.run(
        ["openssl", "pkey", "-pubin", "-inform", "DER", "-in", "key.der", "-pubcheck", "-noout"],
        cwd=tmp_path,
        capture_output=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr.decode()
    assert (
        keys.PublicKeyInfo.load(information)["algorithm"]["parameters"].chosen["order"].native
        == domain(NAMES[number]).n
    )


def test_several_keys_bear_their_numbers(made: Made) -> None:
    encoded = unwrapped(made("ca_many").files[image.DG14], 0x6E)
    assert sorted(number for _, number in chip_keys(encoded)) == [1, 2]
    offers = {
        (entry[0].native, entry[2].native)
        for entry in infos(encoded)
        if entry[0].native.startswith("0.4.0.127.0.7.2.2.3.")
    }
    assert offers == {(f"0.4.0.127.0.7.2.2.3.2.{cipher}", key) for cipher, key in ((1, 1), (2, 2), (4, 2))}


def test_no_chip_authentication_means_no_dg14(made: Made) -> None:
    assert image.DG14 not in made("ca_none").files
    assert made("ca_none").chip_authentication == ()


@pytest.mark.parametrize(("kind", "bits"), [("aa_rsa", 2048), ("bac_only", 2048), ("aa_rsa_sha256", 1024)])
def test_the_key_of_rsa_active_authentication_is_a_sound_one(kind: str, bits: int, made: Made) -> None:
    card = made(kind)
    key = card.active_authentication
    assert isinstance(key, image.RsaKey)
    public = load_der_public_key(unwrapped(card.files[image.DG15], 0x6F))
    assert isinstance(public, rsa.RSAPublicKey)
    assert public.key_size == bits
    p, q = int.from_bytes(key.p, "big"), int.from_bytes(key.q, "big")
    assert (p * q, p != q, key.exponent) == (public.public_numbers().n, True, 65537)
    d = pow(key.exponent, -1, (p - 1) * (q - 1))
    numbers = rsa.RSAPrivateNumbers(p, q, d, d % (p - 1), d % (q - 1), pow(q, -1, p), public.public_numbers())
    assert numbers.private_key().key_size == bits  # checked by the library, primes included


def test_the_key_of_active_authentication_may_be_written_out(made: Made) -> None:
    card = made("aa_ecdsa_384")
    information = keys.PublicKeyInfo.load(unwrapped(card.files[image.DG15], 0x6F))
    assert information["algorithm"]["parameters"].name == "specified"
    told = [entry for entry in infos(unwrapped(card.files[image.DG14], 0x6E)) if entry[0].native == "2.23.136.1.1.5"]
    assert [entry[2].native for entry in told] == ["0.4.0.127.0.7.1.1.4.1.4"]  # with SHA-384
    assert "2.23.136.1.1.5" not in oids(unwrapped(made("aa_ecdsa_der").files[image.DG14], 0x6E))


@pytest.mark.parametrize("kind", ["aa_none", "aa_rsa"])
def test_only_ecdsa_tells_its_signature_algorithm(kind: str, made: Made) -> None:
    assert "2.23.136.1.1.5" not in oids(unwrapped(made(kind).files[image.DG14], 0x6E))
    assert (image.DG15 in made(kind).files) == (kind == "aa_rsa")


@pytest.mark.parametrize(
    ("kind", "algorithm", "group_hash"),
    [
        ("sod_rsa_sha1", "sha1_rsa", "sha1"),
        ("sod_rsa_bare", "rsassa_pkcs1v15", "sha256"),
        ("sod_pss_sha512", "rsassa_pss", "sha512"),
        ("sod_ecdsa_sha224", "sha224_ecdsa", "sha224"),
        ("sod_ecdsa_brainpool384_explicit", "sha384_ecdsa", "sha384"),
        ("sod_mixed_hashes", "sha384_ecdsa", "sha256"),
    ],
)
def test_the_sod_is_signed_as_its_kind_says(
    kind: str, algorithm: str, group_hash: str, made: Made, authority: Authority
) -> None:
    signed = cms.ContentInfo.load(unwrapped(made(kind).files[image.SOD], 0x77))["content"]
    (signer,) = signed["signer_infos"]
    assert signer["signature_algorithm"]["algorithm"].native == algorithm
    (certificate,) = (entry.chosen for entry in signed["certificates"])
    assert certificate.issuer == x509.Certificate.load(authority.authority_certificate).subject
    content = core.Sequence.load(signed["encap_content_info"]["content"].native)
    assert (
        core.ObjectIdentifier.load(content[1][0].dump()).native
        in {
            "sha1": "1.3.14.3.2.26",
            "sha224": "2.16.840.1.101.3.4.2.4",
            "sha256": "2.16.840.1.101.3.4.2.1",
            "sha384": "2.16.840.1.101.3.4.2.2",
            "sha512": "2.16.840.1.101.3.4.2.3",
        }[group_hash]
    )


def test_a_later_security_object_tells_its_versions(made: Made) -> None:
    signed = cms.ContentInfo.load(unwrapped(made("sod_version_1").files[image.SOD], 0x77))["content"]
    content = core.Sequence.load(signed["encap_content_info"]["content"].native)
    assert content[0].native == 1
    assert [text.native for text in items(content[3])] == ["0108", "040000"]


def test_a_kind_that_wants_a_signer_needs_the_authoritys_key(authority: Authority) -> None:
    put_away = replace(authority, country=None)
    assert kinds.build("citizen", MAU, None, put_away)
    for kind in ("sod_rsa_sha256", "benchmark"):
        with pytest.raises(TrustUnusable):
            kinds.build(kind, MAU, jpeg(MAU), put_away)


# Documents of others


def test_a_passport_has_two_lines_and_no_can(made: Made) -> None:
    card = made("passport")
    zone = Objects(unwrapped(card.files[image.DG1], 0x61))[0x5F1F].decode("ascii")
    assert (len(zone), zone[:5], card.can) == (88, "P<UTO", None)
    assert zone[44:54] == card.mrz_information[:10]
    assert {image.DG3, image.DG13}.isdisjoint(card.files)
    assert {image.DG7, image.DG11, image.DG12} <= set(card.files)
    short = made("passport_packed").files[image.DG1]
    assert Objects(unwrapped(short, 0x61))[0x5F1F][:5] == b"P<D<<"


@pytest.mark.parametrize(("kind", "size"), [("identity_td1", 90), ("identity_td2", 72)])
def test_identity_cards_of_others_have_their_sizes(kind: str, size: int, made: Made) -> None:
    zone = Objects(unwrapped(made(kind).files[image.DG1], 0x61))[0x5F1F]
    assert (len(zone), zone[:5], made(kind).can) == (size, b"I<UTO", MAU.can)


@pytest.mark.parametrize(
    ("kind", "birth", "issue", "made_at"),
    [
        ("passport", b"20030214", b"20210520", b"20210520080000"),
        ("passport_packed", b"\x20\x03\x02\x14", b"\x20\x21\x05\x20", b"\x20\x21\x05\x20\x08\x00\x00"),
    ],
)
def test_details_tell_person_and_document(kind: str, birth: bytes, issue: bytes, made_at: bytes, made: Made) -> None:
    person = Objects(unwrapped(made(kind).files[image.DG11], 0x6B))
    assert person.tags == [0x5C, 0x5F0E, 0xA0, 0x5F10, 0x5F2B, 0x5F11, 0x5F42]
    assert person[0x5C] == bytes.fromhex("5F0E5F0F5F105F2B5F115F42")
    assert person[0x5F0E].decode() == "Trần<<Thị<Mẫu"
    assert Objects(person[0xA0]).all == [(0x02, b"\x01"), (0x5F0F, b"SANDBOX<<SYNTHETIC")]
    assert (person[0x5F10], person[0x5F2B]) == (b"001303900017", birth)
    assert person[0x5F42].decode() == "Số 1 Đường Mẫu<Phường Mẫu<Quận Thử<Hà Nội"
    document = Objects(unwrapped(made(kind).files[image.DG12], 0x6C))
    assert document[0x5C] == b"".join(tag.to_bytes(2, "big") for tag in document.tags[1:])
    assert (document[0x5F26], document[0x5F55]) == (issue, made_at)
    assert document[0x5F1B] == b"SYNTHETIC - NOT FOR CARE"


def test_the_displayed_signature_is_a_picture(made: Made) -> None:
    group = Objects(unwrapped(made("passport").files[image.DG7], 0x67))
    assert group[0x02] == b"\x01"
    with Image.open(BytesIO(group[0x5F43])) as picture:
        picture.load()
        assert picture.format == "JPEG"


def test_a_childs_card_has_no_portrait_and_few_fields(made: Made) -> None:
    card = made("child_2024")
    assert image.DG2 not in card.files
    fields = Objects(Objects(Objects(card.files[image.DG13])[0x6D])[0x30])[0x31]
    assert [Objects(field)[0x02] for field in Objects(fields).every(0x30)] == [
        bytes([number]) for number in (1, 2, 3, 4, 5, 12, 13)
    ]


# Portraits


def faces(group: bytes) -> list[bytes]:
    """The images of a DG2, by the lengths that its records tell (ISO/IEC 19794-5, 5.4 to 5.8)."""
    found = []
    templates = Objects(Objects(Objects(group)[0x75])[0x7F61])
    records = [Objects(template) for template in templates.every(0x7F60)]
    assert templates[0x02] == bytes([len(records)])
    for objects in records:
        (record,) = objects.every(0x5F2E) + objects.every(0x7F2E)
        assert (record[:8], int.from_bytes(record[8:12], "big")) == (b"FAC\x00010\x00", len(record))
        at = 14
        for _ in range(int.from_bytes(record[12:14], "big")):
            size = int.from_bytes(record[at : at + 4], "big")
            found.append(record[at + 32 : at + size])
            kind = "JPEG2000" if record[at + 21] else "JPEG"
            with Image.open(BytesIO(found[-1])) as picture:
                picture.load()
                assert picture.format == kind
                assert picture.size == tuple(
                    int.from_bytes(record[at + place : at + place + 2], "big") for place in (22, 24)
                )
            at += size
        assert at == len(record)
    return found


@pytest.mark.parametrize(
    ("kind", "count"),
    [
        ("citizen", 1),
        ("portrait_25k", 1),
        ("portrait_60k", 1),
        ("portrait_jpeg2000", 1),
        ("passport", 1),
        ("portrait_7f2e", 1),
        ("portraits_templates", 3),
        ("portraits_record", 3),
        ("portraits_none", 0),
    ],
)
def test_every_portrait_can_be_looked_at(kind: str, count: int, made: Made) -> None:
    assert len(faces(made(kind).files[image.DG2])) == count


def test_sizes_are_those_asked_for(made: Made) -> None:
    assert len(made("portrait_25k").files[image.DG2]) == 25_000
    assert len(made("portrait_60k").files[image.DG2]) == 60_000
    files = made("benchmark").files
    sizes = {name: len(files[file]) for name, file in (("dg2", image.DG2), ("dg13", image.DG13), ("sod", image.SOD))}
    assert sizes == {"dg2": 15_085, "dg13": 479, "sod": 1_648}


@pytest.mark.parametrize(
    "kind",
    [
        replace(CITIZEN, portraits=Portraits(size=2000)),
        replace(CITIZEN, layout=Layout(dg13_size=100)),
        replace(CITIZEN, signature=Signature(size=1000)),
    ],
    ids=["portrait", "dg13", "sod"],
)
def test_a_size_that_cannot_be_is_refused(kind: kinds.Kind, authority: Authority) -> None:
    with pytest.raises(ValueError):
        kinds.build(kind, MAU, jpeg(MAU), authority)
