"""Master lists: whose word they are, and that nothing comes in on nobody's."""

import hashlib
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from asn1crypto import pem, x509
from hypothesis import given
from hypothesis import strategies as st

from reader import curves
from reader.errors import CardBroken
from reader.pki import master_list, trust_store
from reader.pki.trust import NO_TRUST, TrustUnusable, load_trust
from reader.pki.trust_files import Contents, take_apart
from reader.pki.trust_store import Report, Wanted
from reader.tlv import encode
from tests.reader.pki import proofs
from tests.reader.pki.proofs import MASTER_LIST_SIGNING, Proof, Scheme, certificate, ec_key, public_info

NOW = datetime(2026, 11, 21, 8, 0, tzinfo=UTC)
SCHEME = Scheme("ecdsa", "sha384")
DE_KEY, FR_KEY, VN_KEY, SIGNER_KEY = (ec_key(curves.BRAINPOOL_P256R1) for _ in range(4))
KEYS = {"DE": DE_KEY, "FR": FR_KEY, "VN": VN_KEY}


def authority(country: str) -> x509.Certificate:
    key, key_id = KEYS[country], country.encode() * 10
    return certificate(
        "CSCA", public_info(key), "CSCA", key, SCHEME, ca=True, country=country, own_id=key_id, issuer_id=key_id
    )


def list_signer(country: str, purposes: tuple[str, ...] = (MASTER_LIST_SIGNING,)) -> x509.Certificate:
    by_id = country.encode() * 10
    return certificate(
        "Lists",
        public_info(SIGNER_KEY),
        "CSCA",
        KEYS[country],
        SCHEME,
        country=country,
        issuer_id=by_id,
        purposes=purposes,
        serial=9,
    )


DE, FR, VN = authority("DE"), authority("FR"), authority("VN")


def made(*listed: x509.Certificate, country: str = "DE", **differences: object) -> Proof:
    proof = Proof(proofs.master_list(listed or (DE, VN)), SIGNER_KEY, list_signer(country), SCHEME, proofs.MASTER_LIST)
    return replace(proof, **differences)


def take(folder: Path, *lists: Proof | bytes, beside: tuple[x509.Certificate, ...] = (), **wanted: object) -> Report:
    encoded = tuple(one if isinstance(one, bytes) else one.bare() for one in lists)
    trust = load_trust(folder) if folder.exists() else NO_TRUST
    contents = Contents(certificates=tuple(one.dump() for one in beside), lists=encoded)
    return trust_store.take_in(contents, folder, trust, Wanted(**wanted), NOW)


def fingerprint(one: x509.Certificate) -> frozenset[str]:
    return frozenset({hashlib.sha256(one.dump()).hexdigest()})


def test_a_list_of_an_unknown_signer_brings_nothing_and_names_whom_to_ask_for(tmp_path):
    report = take(tmp_path, made())
    (told,) = report.lists
    assert (told.proof, told.why, report.entries) == (None, "unproven", ())
    assert told.authority == "C=DE, CN=CSCA"
    assert told.authority_sha256 in fingerprint(DE)
    assert list(tmp_path.iterdir()) == []


def test_a_list_of_an_authority_in_the_folder_comes_in(tmp_path):
    (tmp_path / "de.cer").write_bytes(DE.dump())
    report = take(tmp_path, made())
    assert report.lists[0].proof == "trusted"
    assert [(entry.country, entry.state) for entry in report.entries] == [("DE", "present"), ("VN", "added")]


def test_a_list_comes_in_by_the_fingerprint_of_its_authority(tmp_path):
    report = take(tmp_path, made(), fingerprints=fingerprint(DE))
    assert report.lists[0].proof == "fingerprint"
    assert report.count("added") == 2
    assert take(tmp_path / "other", made(), fingerprints=fingerprint(VN)).lists[0].why == "unproven"


def test_an_authority_handed_over_beside_the_list_proves_it(tmp_path):
    report = take(tmp_path, made(), beside=(DE,))
    assert (report.lists[0].proof, report.count("added")) == ("trusted", 2)


def test_the_authority_may_stand_beside_the_list_only(tmp_path):
    report = take(tmp_path, made(VN, others=(DE,)), fingerprints=fingerprint(DE))
    assert report.lists[0].proof == "fingerprint"
    assert [entry.country for entry in report.entries] == ["VN"]


def test_a_list_of_an_unknown_signer_comes_in_when_it_is_asked_for(tmp_path):
    report = take(tmp_path, made(), unverified=True)
    assert (report.lists[0].proof, report.count("added")) == ("unverified", 2)


@pytest.mark.parametrize("wanted", [{}, {"unverified": True}, {"fingerprints": fingerprint(DE)}])
@pytest.mark.parametrize(
    ("damage", "why"),
    [
        ({"digest": bytes(48)}, "signature.digest"),
        ({"key": VN_KEY}, "signature.wrong"),
        ({"signer": list_signer("DE", purposes=())}, "chain.key_usage"),
        ({"signer": list_signer("DE", purposes=("server_auth",))}, "chain.key_usage"),
    ],
)
def test_a_list_with_a_wrong_signature_or_signer_never_comes_in(tmp_path, wanted, damage, why):
    (tmp_path / "de.cer").write_bytes(DE.dump())
    report = take(tmp_path, made(**damage), **wanted)
    assert (report.lists[0].why, report.entries) == (why, ())


def test_a_list_signed_in_the_name_of_a_trusted_authority_never_comes_in(tmp_path):
    (tmp_path / "de.cer").write_bytes(DE.dump())
    forged = certificate(
        "Lists",
        public_info(SIGNER_KEY),
        "CSCA",
        FR_KEY,
        SCHEME,
        country="DE",
        issuer_id=b"DE" * 10,
        purposes=(MASTER_LIST_SIGNING,),
    )
    report = take(tmp_path, made(signer=forged), unverified=True)
    assert (report.lists[0].why, report.entries) == ("chain.wrong_signature", ())


def test_one_list_never_vouches_for_the_next(tmp_path):
    """Else every state whose authority is in one list could bring in what it likes with another."""
    report = take(tmp_path, made(DE, FR), made(FR, VN, country="FR"), fingerprints=fingerprint(DE))
    assert [one.proof for one in report.lists] == ["fingerprint", None]
    assert sorted(entry.country for entry in report.entries) == ["DE", "FR"]


def test_an_odd_certificate_in_a_list_costs_only_itself(tmp_path):
    content = encode(0x30, b"\x02\x01\x00" + encode(0x31, b"\x30\x03\x02\x01\x00" + VN.dump()))
    report = take(tmp_path, made(content=content), unverified=True)
    assert [(entry.state, entry.why) for entry in report.entries] == [("refused", "malformed"), ("added", None)]
    (tmp_path / "list.ml").write_bytes(made(content=content).bare())
    assert len(load_trust(tmp_path).anchors) == 1


def test_a_list_in_the_folder_is_trusted_when_it_is_whole(tmp_path):
    (tmp_path / "list.ml").write_bytes(made().bare())
    assert {anchor.der for anchor in load_trust(tmp_path).anchors} == {DE.dump(), VN.dump()}
    (tmp_path / "list.ml").write_bytes(made(digest=bytes(48)).bare())
    with pytest.raises(TrustUnusable):
        load_trust(tmp_path)


def test_a_list_is_known_by_what_is_in_the_file():
    encoded = made().bare()
    assert take_apart(encoded) == Contents(lists=(encoded,))
    assert take_apart(pem.armor("CMS", encoded)) == Contents(lists=(encoded,))


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\x30\x00",
        made(content_type="2.23.136.1.1.1").bare(),
        made(content=b"\x30\x00").bare(),
        made(content=encode(0x30, b"\x02\x01\x00" + encode(0x31, b"\x30\x05"))).bare(),
    ],
)
def test_what_is_no_master_list_is_said(data):
    with pytest.raises(CardBroken):
        master_list.parse(data)


GOOD = made().bare()


@given(st.data())
def test_a_damaged_list_is_refused_or_lists_the_same(data):
    at, flip = data.draw(st.integers(0, len(GOOD) - 1)), data.draw(st.integers(1, 255))
    damaged = GOOD[:at] + bytes([GOOD[at] ^ flip]) + GOOD[at + 1 :]
    try:
        listed = master_list.parse(damaged)
    except CardBroken:
        return
    if master_list.intact(listed):
        assert listed.certificates == (DE.dump(), VN.dump())
