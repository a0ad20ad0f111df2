"""The trust folder: what is read from it, and what may come into it."""

import base64
import hashlib
import io
import os
import stat
import zipfile
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from asn1crypto import pem, x509

from reader import curves
from reader.errors import CardBroken
from reader.pki import certificates, trust_files, trust_store
from reader.pki.trust import NO_TRUST, TrustUnusable, load_trust
from reader.pki.trust_files import Contents, Unreadable, take_apart
from reader.pki.trust_store import Report, Wanted
from tests.reader.pki.proofs import (
    Scheme,
    certificate,
    ec_key,
    name,
    public_info,
    revocation_list,
)

NOW = datetime(2026, 11, 21, 8, 0, tzinfo=UTC)
KEY, OTHER_KEY = ec_key(curves.BRAINPOOL_P512R1), ec_key(curves.SECP256R1)
SCHEME = Scheme("ecdsa", "sha512")


def authority(country: str = "VN", key: object = KEY, **differences: object) -> x509.Certificate:
    made = {"ca": True, "country": country, "own_id": b"A" * 20, "issuer_id": b"A" * 20, **differences}
    return certificate(f"CSCA {country}", public_info(key, {}), f"CSCA {country}", key, SCHEME, **made)


VN, LA = authority(), authority("LA", OTHER_KEY)
REVOKED = revocation_list(name("CSCA VN", "VN"), KEY, SCHEME, {5: None}, NOW, NOW + timedelta(days=60), b"A" * 20)


def take(folder: Path, *certs: x509.Certificate, **wanted: object) -> Report:
    return take_in(folder, Contents(certificates=tuple(one.dump() for one in certs)), **wanted)


def take_in(folder: Path, contents: Contents, **wanted: object) -> Report:
    trust = load_trust(folder) if folder.exists() else NO_TRUST
    return trust_store.take_in(contents, folder, trust, Wanted(**wanted), NOW)


def states(report: Report) -> list[tuple[str, str | None]]:
    return [(entry.state, entry.why) for entry in report.entries]


# Reading the folder.


def test_der_pem_and_bundles_are_read_and_each_certificate_counts_once(tmp_path):
    (tmp_path / "a.cer").write_bytes(VN.dump())
    (tmp_path / "b.pem").write_bytes(b"a comment\n" + pem.armor("CERTIFICATE", VN.dump()) * 2)
    (tmp_path / "c.CRT").write_bytes(pem.armor("CERTIFICATE", LA.dump()))
    (tmp_path / "readme.txt").write_text("not a certificate")
    assert [anchor.der for anchor in load_trust(tmp_path).anchors] == [VN.dump(), LA.dump()]
    assert load_trust(None) is NO_TRUST


def test_revocation_lists_are_read(tmp_path):
    (tmp_path / "a.crl").write_bytes(REVOKED)
    (tmp_path / "b.crl").write_bytes(pem.armor("X509 CRL", REVOKED))
    (found,) = load_trust(tmp_path).revocations
    assert dict(found.revoked) == {5: "unspecified"}


@pytest.mark.parametrize("content", [b"", b"no certificate", b"\x30\x03\x02\x01\x00", VN.dump()[:-1], VN.dump() + b"."])
def test_a_broken_certificate_in_the_folder_is_said(tmp_path, content):
    (tmp_path / "a.cer").write_bytes(content)
    with pytest.raises(TrustUnusable) as caught:
        load_trust(tmp_path)
    assert caught.value.data["file"] == "a.cer"


@pytest.mark.parametrize("file", ["a.crl", "a.ml", "a.mls"])
def test_a_broken_list_in_the_folder_is_said(tmp_path, file):
    (tmp_path / file).write_bytes(b"\x30\x03\x02\x01\x00")
    with pytest.raises(TrustUnusable) as caught:
        load_trust(tmp_path)
    assert caught.value.data["file"] == file


def test_a_folder_that_is_not_there_is_said(tmp_path):
    with pytest.raises(TrustUnusable):
        load_trust(tmp_path / "nowhere")


def test_neither_a_pipe_nor_a_giant_in_the_folder_holds_the_start_up(tmp_path):
    os.mkfifo(tmp_path / "a.cer")
    with pytest.raises(TrustUnusable):
        load_trust(tmp_path)
    (tmp_path / "a.cer").unlink()
    with (tmp_path / "b.cer").open("wb") as file:
        file.truncate(trust_files.MAX_FILE + 1)  # a hole, no real megabytes
    with pytest.raises(TrustUnusable) as caught:
        load_trust(tmp_path)
    assert caught.value.data["why"] == "too large"


def test_names_of_certificates_are_safe_on_a_terminal():
    odd = certificate("\x1b[31mred\nline", public_info(KEY), "x", KEY, SCHEME, ca=True)
    text = certificates.parse(odd.dump(), "test").subject.text()
    assert text == "CN=?[31mred?line"


@pytest.mark.parametrize(
    ("tag", "text", "expected"),
    [
        (0x17, "491231235959Z", datetime(2049, 12, 31, 23, 59, 59, tzinfo=UTC)),
        (0x17, "500101000000Z", datetime(1950, 1, 1, tzinfo=UTC)),
        (0x17, "2601010000Z", datetime(2026, 1, 1, tzinfo=UTC)),
        (0x17, "260101000000+0700", datetime(2025, 12, 31, 17, tzinfo=UTC)),
        (0x18, "20500101000000Z", datetime(2050, 1, 1, tzinfo=UTC)),
    ],
)
def test_times_are_read_in_every_form_of_the_field(tag, text, expected):
    (node,) = certificates.tlv.read_all(certificates.tlv.encode(tag, text.encode()), "test")
    assert certificates.parse_time(node, "test") == expected


@pytest.mark.parametrize(
    ("tag", "text"), [(0x17, "Z"), (0x17, "261301000000Z"), (0x18, "9" * 30), (0x04, "260101000000Z")]
)
def test_what_is_no_time_is_said(tag, text):
    (node,) = certificates.tlv.read_all(certificates.tlv.encode(tag, text.encode()), "test")
    with pytest.raises(CardBroken):
        certificates.parse_time(node, "test")


# Files that are handed on.


def ldif(**attributes: bytes) -> bytes:
    lines = ["version: 1", "dn: c=VN,dc=data,dc=download,dc=pkd,dc=icao,dc=int", "objectClass: top"]
    for attribute, value in attributes.items():
        text = f"{attribute.replace('_', ';')}:: {base64.b64encode(value).decode()}"
        lines += [text[:76], *(f" {text[at : at + 75]}" for at in range(76, len(text), 75))]
    return "\n".join(lines).encode() + b"\n"


def zipped(**members: bytes) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        for member, content in members.items():
            archive.writestr(member, content)
    return made.getvalue()


def test_files_are_known_by_what_is_in_them():
    assert take_apart(VN.dump()) == Contents(certificates=(VN.dump(),))
    assert take_apart(REVOKED) == Contents(revocations=(REVOKED,))
    bundle = pem.armor("CERTIFICATE", VN.dump()) + pem.armor("X509 CRL", REVOKED) + pem.armor("CERTIFICATE", LA.dump())
    assert take_apart(bundle) == Contents(certificates=(VN.dump(), LA.dump()), revocations=(REVOKED,))
    export = ldif(userCertificate_binary=VN.dump(), certificateRevocationList_binary=REVOKED, jpegPhoto=b"x")
    assert take_apart(export) == Contents(exported=(VN.dump(),), revocations=(REVOKED,))
    assert take_apart(export.replace(b"\n", b"\r\n")) == take_apart(export)
    assert take_apart(zipped(a=VN.dump(), b=b"read me", c=export)) == Contents(
        certificates=(VN.dump(),), exported=(VN.dump(),), revocations=(REVOKED,)
    )


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"PK\x03\x04",
        b"PK\x03\x04" + bytes(100),
        zipped(a=b"nothing"),
        zipped(**{f"m{number}": b"" for number in range(trust_files.MAX_MEMBERS + 1)}),
        b"-----BEGIN CERTIFICATE-----\n!!!!\n-----END CERTIFICATE-----\n",
        b"dn: x\nuserCertificate;binary:: ???\n",
        b"dn: x\n",
    ],
)
def test_files_with_nothing_usable_are_said(data):
    with pytest.raises(Unreadable):
        take_apart(data)


def test_a_zip_that_unpacks_to_more_than_may_be_is_refused_while_unpacking():
    with pytest.raises(Unreadable, match="too large"):
        take_apart(zipped(bomb=bytes(trust_files.MAX_FILE + 1)))


# Taking in.


def test_an_authority_becomes_one_file_named_after_country_and_fingerprint(tmp_path):
    folder = tmp_path / "made" / "trust"
    report = take(folder, VN)
    (file,) = folder.iterdir()
    digest = hashlib.sha256(VN.dump()).hexdigest()
    assert file.name == f"VN-{digest[:16]}.cer"
    assert file.read_bytes() == VN.dump()
    assert stat.S_IMODE(file.stat().st_mode) == 0o644
    (entry,) = report.entries
    assert (entry.kind, entry.state, entry.country, entry.sha256) == ("root", "added", "VN", digest)
    assert (entry.subject, entry.expires, entry.expired) == ("C=VN, CN=CSCA VN", "2037-01-01", False)


def test_taking_in_twice_changes_nothing(tmp_path):
    take(tmp_path, VN, LA)
    before = {path: path.stat().st_mtime_ns for path in tmp_path.iterdir()}
    assert states(take(tmp_path, VN, LA)) == [("present", None)] * 2
    assert {path: path.stat().st_mtime_ns for path in tmp_path.iterdir()} == before


def test_only_the_countries_asked_for_come_in(tmp_path):
    assert states(take(tmp_path, VN, LA, countries=frozenset({"VN"}))) == [
        ("added", None),
        ("skipped", "other_country"),
    ]
    assert len(load_trust(tmp_path).anchors) == 1


def test_with_a_fingerprint_no_other_certificate_comes_in(tmp_path):
    fingerprint = hashlib.sha256(VN.dump()).hexdigest()
    report = take(tmp_path, VN, LA, fingerprints=frozenset({fingerprint}))
    assert states(report) == [("added", None), ("refused", "other_fingerprint")]


def test_what_cannot_vouch_for_anybody_is_refused_with_the_reason(tmp_path):
    signer = certificate("Signer", public_info(OTHER_KEY), "CSCA VN", KEY, SCHEME, country="VN")
    forged = certificate("CSCA", public_info(KEY, {}), "CSCA", OTHER_KEY, Scheme(), ca=True)
    strange = certificate("CSCA", public_info(KEY, {"a": 5}), "CSCA", KEY, SCHEME, ca=True)
    report = take_in(
        tmp_path, Contents(certificates=(signer.dump(), forged.dump(), strange.dump(), b"\x30\x03\x02\x01\x00"))
    )
    reasons = ["no_authority", "self_signature", "key_unsupported", "malformed"]
    assert states(report) == [("refused", reason) for reason in reasons]
    assert list(tmp_path.iterdir()) == []


def test_links_and_expired_authorities_are_kept_and_marked(tmp_path):
    link = authority(issuer_id=b"B" * 20)
    expired = authority("LA", OTHER_KEY, years=(2010, 2020))
    report = take(tmp_path, link, expired)
    assert [(entry.kind, entry.state, entry.expired) for entry in report.entries] == [
        ("link", "added", False),
        ("root", "added", True),
    ]


def test_single_certificates_of_a_directory_export_need_a_proof(tmp_path):
    contents = Contents(exported=(VN.dump(), LA.dump()))
    assert states(take_in(tmp_path, contents)) == [("refused", "unproven")] * 2
    fingerprint = hashlib.sha256(VN.dump()).hexdigest()
    named = take_in(tmp_path, contents, fingerprints=frozenset({fingerprint}))
    assert states(named) == [("added", None), ("refused", "other_fingerprint")]
    assert states(take_in(tmp_path, contents, unverified=True)) == [("present", None), ("added", None)]


def test_a_revocation_list_needs_its_authority(tmp_path):
    contents = Contents(revocations=(REVOKED,))
    assert states(take_in(tmp_path, contents)) == [("refused", "unproven")]
    take(tmp_path, VN)
    assert states(take_in(tmp_path, contents)) == [("added", None)]
    assert states(take_in(tmp_path, contents)) == [("present", None)]
    (listed,) = load_trust(tmp_path).revocations
    assert listed.der == REVOKED


def test_a_newer_revocation_list_takes_the_place_of_the_older_one_and_never_the_other_way(tmp_path):
    newer = revocation_list(
        name("CSCA VN", "VN"), KEY, SCHEME, {}, NOW + timedelta(days=1), NOW + timedelta(days=61), b"A" * 20
    )
    both = Contents(certificates=(VN.dump(),), revocations=(REVOKED,))
    assert states(take_in(tmp_path, both)) == [("added", None)] * 2
    assert states(take_in(tmp_path, Contents(revocations=(newer,)))) == [("added", None)]
    assert states(take_in(tmp_path, Contents(revocations=(REVOKED,)))) == [("refused", "older")]
    (listed,) = load_trust(tmp_path).revocations
    assert listed.der == newer


def test_of_two_revocation_lists_handed_over_together_the_newer_one_stays(tmp_path):
    newer = revocation_list(name("CSCA VN", "VN"), KEY, SCHEME, {}, NOW + timedelta(days=1), None, b"A" * 20)
    for order in ((newer, REVOKED), (REVOKED, newer)):
        folder = tmp_path / str(order[0] is newer)
        report = take_in(folder, Contents(certificates=(VN.dump(),), revocations=order))
        assert states(report)[1:] == [("added", None), ("refused", "older")]
        assert load_trust(folder).revocations[0].der == newer


def test_an_odd_country_never_becomes_part_of_a_file_name(tmp_path):
    odd = certificate("CSCA", public_info(KEY), "CSCA", KEY, SCHEME, ca=True, country="./")
    take(tmp_path, odd)
    (file,) = tmp_path.iterdir()
    assert file.name.startswith("XX-")


def test_a_folder_that_cannot_be_written_is_said(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(TrustUnusable):
        take(tmp_path / "file" / "trust", VN)


def test_what_a_power_cut_leaves_half_written_is_never_read(tmp_path):
    take(tmp_path, VN)
    (tmp_path / ".import-abc").mkdir()
    (tmp_path / ".import-abc" / "LA-0.cer").write_bytes(LA.dump()[:100])
    assert len(load_trust(tmp_path).anchors) == 1
