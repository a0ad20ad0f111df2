"""The sandbox's authorities: certificates, rollover, revocation and master lists, judged by OpenSSL and asn1crypto."""

import subprocess
from datetime import UTC, datetime
from pathlib import Path

import pytest
from asn1crypto import cms, core, crl, pem, x509

from sandbox.card import certificates, security_files, trust
from sandbox.card.image import HashName
from sandbox.card.signing import CURVES, Ecdsa, Rsa, Scheme
from sandbox.card.trust import Authority, Country
from sandbox.errors import TrustUnusable
from tests.support.terminal import unwrapped

SIGNED = datetime(2024, 5, 6, 7, 8, 9, tzinfo=UTC)
LATER = datetime(2040, 1, 1, tzinfo=UTC)
HASHES: tuple[HashName, ...] = ("SHA-1", "SHA-224", "SHA-256", "SHA-384", "SHA-512")
NAMED = Ecdsa("secp256r1", "SHA-256", "named")
SCHEMES: dict[str, Scheme] = {
    **{f"PKCS #1 {digest}": Rsa(2048, digest) for digest in HASHES},
    **{f"PSS {digest}": Rsa(2048, digest, "pss") for digest in HASHES},
    **{f"ECDSA {digest}": Ecdsa("secp384r1", digest, "named") for digest in HASHES},
    **{f"{curve} named": Ecdsa(curve, "SHA-256", "named") for curve in CURVES},
    "RSA 3072": Rsa(3072, "SHA-256", "pss"),
    "RSA 4096": Rsa(4096, "SHA-512"),
}


class MasterList(core.Sequence):
    class _Certificates(core.SetOf):
        _child_spec = x509.Certificate

    _fields = [("version", core.Integer), ("certificates", _Certificates)]  # noqa: RUF012  # asn1crypto's own way


def openssl(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """OpenSSL's verdict. Level 0: SHA-1 and short curves are broken, and what old documents carry."""
    environment = {"PATH": "/usr/bin:/bin", "OPENSSL_CONF": str(folder / "openssl.cnf")}
    (folder / "openssl.cnf").write_text(
        "openssl_conf=c\n[c]\nssl_conf=s\n[s]\nsystem_default=d\n[d]\nCipherString=DEFAULT:@SECLEVEL=0\n"
    )
    return subprocess.run(
        ["openssl", *arguments], cwd=folder, capture_output=True, text=True, check=False, env=environment
    )


def written(folder: Path, name: str, *certificates: bytes) -> str:
    (folder / name).write_bytes(b"".join(pem.armor("CERTIFICATE", certificate) for certificate in certificates))
    return name


@pytest.fixture(scope="module")
def country() -> Country:
    return trust.create_country(Ecdsa("secp384r1", "SHA-384", "named"))


@pytest.mark.parametrize("scheme", SCHEMES.values(), ids=SCHEMES)
def test_openssl_accepts_a_chain_and_a_signed_file_of_every_scheme(scheme: Scheme, tmp_path: Path) -> None:
    authority = trust.create(scheme, scheme)
    root = written(tmp_path, "root.pem", authority.authority_certificate)
    leaf = written(tmp_path, "leaf.pem", authority.signer_certificate)
    done = openssl(tmp_path, "verify", "-auth_level", "0", "-check_ss_sig", "-x509_strict", "-CAfile", root, leaf)
    assert done.returncode == 0, done.stderr
    sod = security_files.sod({1: b"a", 2: b"b"}, authority, SIGNED)
    (tmp_path / "sod.der").write_bytes(unwrapped(sod, 0x77))
    # The chain was checked above; `cms` has no switch for the old hashes.
    done = openssl(tmp_path, "cms", "-verify", "-noverify", "-inform", "DER", "-in", "sod.der", "-out", "content")
    assert done.returncode == 0, done.stderr


def test_signed_data_may_leave_the_hash_to_its_own_field(tmp_path: Path) -> None:
    authority = trust.create(Rsa(2048, "SHA-256", bare=True), NAMED)
    sod = unwrapped(security_files.sod({1: b"a"}, authority, SIGNED), 0x77)
    (signer,) = cms.ContentInfo.load(sod)["content"]["signer_infos"]
    assert signer["signature_algorithm"]["algorithm"].native == "rsassa_pkcs1v15"
    (tmp_path / "sod.der").write_bytes(sod)
    done = openssl(tmp_path, "cms", "-verify", "-noverify", "-inform", "DER", "-in", "sod.der", "-out", "content")
    assert done.returncode == 0, done.stderr


def test_a_signer_may_be_told_by_its_key(authority: Authority, tmp_path: Path) -> None:
    sod = security_files.sod({1: b"a"}, authority, SIGNED, identified_by="key_identifier")
    (signer,) = cms.ContentInfo.load(unwrapped(sod, 0x77))["content"]["signer_infos"]
    assert signer["version"].native == "v3"
    assert signer["sid"].native == x509.Certificate.load(authority.signer_certificate).key_identifier
    (tmp_path / "sod.der").write_bytes(unwrapped(sod, 0x77))
    done = openssl(tmp_path, "cms", "-verify", "-noverify", "-inform", "DER", "-in", "sod.der", "-out", "content")
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("curve", CURVES)
def test_explicit_parameters_are_those_of_the_curve(curve: str, tmp_path: Path) -> None:
    (tmp_path / "key.der").write_bytes(Ecdsa(curve, form="explicit").generate().public_key_information())
    done = openssl(tmp_path, "pkey", "-pubin", "-inform", "DER", "-in", "key.der", "-pubcheck", "-noout", "-text")
    assert done.returncode == 0, done.stderr
    assert "Field Type: prime-field" in done.stdout
    (tmp_path / "named.der").write_bytes(Ecdsa(curve, form="named").generate().public_key_information())
    done = openssl(tmp_path, "pkey", "-pubin", "-inform", "DER", "-in", "named.der", "-pubcheck", "-noout", "-text")
    assert done.returncode == 0, done.stderr
    assert f"ASN1 OID: {curve.replace('secp192r1', 'prime192v1').replace('secp256r1', 'prime256v1')}" in done.stdout


def test_the_next_key_is_trusted_through_the_link_certificate(country: Country, tmp_path: Path) -> None:
    successor = country.successor(NAMED)
    signer = successor.certify(NAMED.generate())
    link = country.link_certificate(successor)
    assert x509.Certificate.load(link).subject == x509.Certificate.load(link).issuer
    old = written(tmp_path, "old.pem", country.certificate)
    between, leaf = written(tmp_path, "link.pem", link), written(tmp_path, "leaf.pem", signer.certificate)
    alone = openssl(tmp_path, "verify", "-CAfile", old, leaf)
    linked = openssl(tmp_path, "verify", "-CAfile", old, "-untrusted", between, leaf)
    assert (alone.returncode != 0, linked.returncode) == (True, 0), linked.stderr
    serials = {x509.Certificate.load(data).serial_number for data in (link, successor.certificate, country.certificate)}
    assert len(serials) == 3


def test_the_country_may_change_its_name_with_its_key(country: Country, tmp_path: Path) -> None:
    successor = country.successor(NAMED, common="Sandbox CSCA 2")
    link = x509.Certificate.load(country.link_certificate(successor))
    assert link.issuer == x509.Certificate.load(country.certificate).subject
    assert link.subject == x509.Certificate.load(successor.certificate).subject
    assert link.authority_key_identifier == x509.Certificate.load(country.certificate).key_identifier


def test_openssl_finds_a_revoked_signer_on_the_list(country: Country, tmp_path: Path) -> None:
    revoked, good = country.certify(NAMED.generate()), country.certify(NAMED.generate())
    encoded = country.revocation_list([revoked.serial], SIGNED, LATER)
    (tmp_path / "crl.der").write_bytes(encoded)
    (tmp_path / "crl.pem").write_bytes(pem.armor("X509 CRL", encoded))
    root = written(tmp_path, "root.pem", country.certificate)
    done = openssl(tmp_path, "crl", "-inform", "DER", "-in", "crl.der", "-CAfile", root, "-noout", "-text")
    assert "verify OK" in done.stderr
    assert "Next Update: Jan  1 00:00:00 2040 GMT" in done.stdout
    verdicts = []
    for signer in (revoked, good):
        leaf = written(tmp_path, "leaf.pem", signer.certificate)
        done = openssl(tmp_path, "verify", "-crl_check", "-CRLfile", "crl.pem", "-CAfile", root, leaf)
        verdicts.append("certificate revoked" in done.stderr if done.returncode else None)
    assert verdicts == [True, None]


def test_a_list_without_entries_is_one_too(country: Country, tmp_path: Path) -> None:
    (tmp_path / "crl.der").write_bytes(country.revocation_list([], SIGNED, LATER, number=7))
    root = written(tmp_path, "root.pem", country.certificate)
    done = openssl(tmp_path, "crl", "-inform", "DER", "-in", "crl.der", "-CAfile", root, "-noout", "-text")
    assert "verify OK" in done.stderr
    assert "No Revoked Certificates" in done.stdout
    parsed = crl.CertificateList.load((tmp_path / "crl.der").read_bytes())
    assert parsed.crl_number_value.native == 7
    assert parsed.issuer == x509.Certificate.load(country.certificate).subject


def test_a_master_list_is_signed_and_holds_its_certificates(country: Country, tmp_path: Path) -> None:
    others = [trust.create_country(Rsa(2048), code).certificate for code in ("UT", "DX")]
    encoded = country.master_list([country.certificate, *others], SIGNED, NAMED)
    (tmp_path / "list.ml").write_bytes(encoded)
    root = written(tmp_path, "root.pem", country.certificate)
    arguments = ("-verify", "-inform", "DER", "-in", "list.ml", "-CAfile", root, "-purpose", "any", "-out", "content")
    done = openssl(tmp_path, "cms", *arguments)
    assert done.returncode == 0, done.stderr
    assert cms.ContentInfo.load(encoded)["content"]["encap_content_info"]["content_type"].native == "2.23.136.1.1.2"
    content = MasterList.load((tmp_path / "content").read_bytes(), strict=True)
    assert content["version"].native == 0
    assert {entry.dump() for entry in content["certificates"]} == {country.certificate, *others}
    signer = next(
        x509.Certificate.load(entry.chosen.dump())
        for entry in cms.ContentInfo.load(encoded)["content"]["certificates"]
        if not entry.chosen.ca
    )
    assert signer.extended_key_usage_value.native == ["2.23.136.1.1.3"]


def test_a_signer_of_a_past_time_has_expired(country: Country, tmp_path: Path) -> None:
    past = datetime(2021, 1, 1, tzinfo=UTC), datetime(2022, 1, 1, tzinfo=UTC)
    signer = country.certify(NAMED.generate(), valid_from=past[0], valid_to=past[1])
    root, leaf = written(tmp_path, "root.pem", country.certificate), written(tmp_path, "leaf.pem", signer.certificate)
    assert "certificate has expired" in openssl(tmp_path, "verify", "-CAfile", root, leaf).stderr


def test_another_signer_of_the_same_country_can_be_had_until_it_is_put_away(tmp_path: Path) -> None:
    made = trust.create()
    other = made.reissued(Rsa(2048))
    assert other.authority_certificate == made.authority_certificate
    assert other.signer_certificate != made.signer_certificate
    kept = trust.load_or_create(tmp_path)
    again = trust.load_or_create(tmp_path)
    assert kept.reissued(NAMED).authority_certificate == again.authority_certificate
    with pytest.raises(TrustUnusable):
        again.reissued(NAMED)


def test_a_signers_certificate_can_name_its_revocation_list(country: Country) -> None:
    extension = certificates.crl_address("http://crl.sandbox.invalid/x")
    signer = x509.Certificate.load(country.certify(NAMED.generate(), extensions=[extension]).certificate)
    (point,) = signer.crl_distribution_points
    assert point.url == "http://crl.sandbox.invalid/x"


@pytest.mark.parametrize("which", ["signer_certificate", "authority_certificate"])
def test_openssl_accepts_the_csca_signature_on_both_certificates(
    which: str, authority: Authority, tmp_path: Path
) -> None:
    certificate = x509.Certificate.load(getattr(authority, which))
    root = x509.Certificate.load(authority.authority_certificate)
    (tmp_path / "body").write_bytes(certificate["tbs_certificate"].dump())
    (tmp_path / "signature").write_bytes(certificate["signature_value"].native)
    (tmp_path / "key.der").write_bytes(root.public_key.dump())
    digest = {"sha256_ecdsa": "-sha256", "sha512_ecdsa": "-sha512"}[
        certificate["signature_algorithm"].native["algorithm"]
    ]
    done = subprocess.run(
        ["openssl", "dgst", digest, "-keyform", "DER", "-verify", "key.der", "-signature", "signature", "body"],
        cwd=tmp_path,
        capture_output=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr.decode()


def test_the_signer_certificate_is_issued_by_the_csca_for_signing(authority: Authority) -> None:
    signer = x509.Certificate.load(authority.signer_certificate)
    root = x509.Certificate.load(authority.authority_certificate)
    assert signer.issuer == root.subject
    assert signer.authority_key_identifier == root.key_identifier
    assert signer.key_usage_value.native == {"digital_signature"}
    assert root.key_usage_value.native == {"key_cert_sign", "crl_sign"}
    assert root.ca
    assert "not for care" in root.subject.native["organization_name"]
    assert root.public_key["algorithm"]["parameters"].name == "specified"


def test_the_keys_are_kept_and_readable_by_their_owner_only(tmp_path: Path) -> None:
    made = trust.load_or_create(tmp_path / "trust")
    again = trust.load_or_create(tmp_path / "trust")
    assert made.authority_certificate == again.authority_certificate
    assert made.secret() == again.secret()
    assert made.signer_serial == again.signer_serial
    assert made.signer_issuer == again.signer_issuer
    assert (tmp_path / "trust" / "dsc.key").stat().st_mode & 0o777 == 0o600
    assert made.export(tmp_path / "reader").read_bytes() == made.authority_certificate


def test_damaged_keys_are_named_not_replaced(tmp_path: Path) -> None:
    trust.load_or_create(tmp_path)
    (tmp_path / "dsc.key").write_text("not a key")
    with pytest.raises(TrustUnusable):
        trust.load_or_create(tmp_path)


def test_two_installations_have_different_authorities() -> None:
    assert trust.create().authority_certificate != trust.create().authority_certificate
