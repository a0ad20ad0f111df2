"""EF.SOD and certificates made by the `openssl` program, with its own habits: the longest salt, explicit curves, key
identifiers. The reader must find them signed and, with the authority trusted, chained.
"""

import hashlib
import shutil
import subprocess
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

import pytest

from reader.pki.passive_authentication import check, parse
from reader.pki.trust import load_trust
from reader.reading import Outcome
from tests.hostile.documents import der

pytestmark = pytest.mark.peer

FILES = {1: b"\x61\x03abc", 13: b"\x6d\x03def", 14: b"\x6e\x00"}
HASH_OIDS = {
    "sha256": "608648016503040201",
    "sha384": "608648016503040202",
    "sha512": "608648016503040203",
}
EXTENSIONS = """
[req]
distinguished_name = name
[name]
[authority]
basicConstraints = critical, CA:TRUE
keyUsage = critical, keyCertSign, cRLSign
subjectKeyIdentifier = hash
[signer]
keyUsage = critical, digitalSignature
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid
"""
EC = ("-algorithm", "EC", "-pkeyopt", "ec_param_enc:explicit", "-pkeyopt")
NAMED = ("-algorithm", "EC", "-pkeyopt")
RSA = ("-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048")
PSS = ("-keyopt", "rsa_padding_mode:pss")
PSS_AUTHORITY = ("-algorithm", "RSA-PSS", "-pkeyopt", "rsa_keygen_bits:2048")


def openssl(folder: Path, *arguments: str) -> None:
    done = subprocess.run(["openssl", *arguments], cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def listed(hash_name: str, files: Mapping[int, bytes]) -> bytes:
    """LDSSecurityObject (Doc 9303-10, 4.6.2)."""
    entries = [
        der(0x30, der(0x02, bytes([number])), der(0x04, hashlib.new(hash_name, content).digest()))
        for number, content in files.items()
    ]
    algorithm = der(0x30, der(0x06, bytes.fromhex(HASH_OIDS[hash_name])), b"\x05\x00")
    return der(0x30, b"\x02\x01\x00", algorithm, der(0x30, *entries))


@pytest.mark.parametrize(
    ("authority", "signer", "hash_name", "habits"),
    [
        (RSA, RSA, "sha256", ("-keyid",)),
        (RSA, RSA, "sha512", ("-noattr",)),
        (RSA, RSA, "sha256", PSS),
        (PSS_AUTHORITY, RSA, "sha512", (*PSS, "-keyopt", "rsa_mgf1_md:sha1", "-keyopt", "rsa_pss_saltlen:20")),
        ((*EC, "ec_paramgen_curve:brainpoolP512r1"), (*EC, "ec_paramgen_curve:brainpoolP384r1"), "sha384", ()),
        ((*EC, "ec_paramgen_curve:brainpoolP320r1"), (*EC, "ec_paramgen_curve:brainpoolP224r1"), "sha256", ("-keyid",)),
        ((*NAMED, "ec_paramgen_curve:brainpoolP320r1"), (*NAMED, "ec_paramgen_curve:brainpoolP192r1"), "sha256", ()),
        ((*EC, "ec_paramgen_curve:secp384r1"), (*EC, "ec_paramgen_curve:prime256v1"), "sha256", ("-keyid",)),
    ],
    ids=[
        "RSA",
        "no attributes",
        "PSS, longest salt",
        "PSS, other mask",
        "brainpool, explicit",
        "old brainpool, explicit",
        "old brainpool, named",
        "NIST, explicit",
    ],
)
def test_what_openssl_signs_is_verified(
    tmp_path: Path, authority: tuple[str, ...], signer: tuple[str, ...], hash_name: str, habits: tuple[str, ...]
) -> None:
    (tmp_path / "x.cnf").write_text(EXTENSIONS)
    (tmp_path / "list").write_bytes(listed(hash_name, FILES))
    for name, kind in (("ca", authority), ("ds", signer)):
        openssl(tmp_path, "genpkey", *kind, "-out", f"{name}.key")
    subject = ("-subj", "/C=VN/CN=Synthetic", "-config", "x.cnf")
    openssl(tmp_path, "req", "-x509", "-new", "-key", "ca.key", *subject, "-extensions", "authority", "-out", "ca.pem")
    openssl(tmp_path, "req", "-new", "-key", "ds.key", *subject, "-out", "ds.csr")
    extensions = ("-extfile", "x.cnf", "-extensions", "signer")
    by_authority = ("-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial")
    openssl(tmp_path, "x509", "-req", "-in", "ds.csr", *by_authority, *extensions, "-out", "ds.pem")
    with_key = ("-signer", "ds.pem", "-inkey", "ds.key", "-econtent_type", "2.23.136.1.1.1", "-md", hash_name)
    content = ("-binary", "-nodetach", "-in", "list", "-outform", "DER", "-out", "sod")
    openssl(tmp_path, "cms", "-sign", *content, *with_key, *habits)
    trusted = tmp_path / "trusted"
    trusted.mkdir()
    shutil.copy(tmp_path / "ca.pem", trusted)

    sod = der(0x77, (tmp_path / "sod").read_bytes())
    verdicts = check(parse(sod), FILES, load_trust(trusted), datetime.now(UTC))
    assert [verdicts.hashes.result, verdicts.signature.result, verdicts.chain.result] == [Outcome.PASSED] * 3
    changed = check(parse(sod), {**FILES, 13: b"\x6d\x03xyz"}, load_trust(trusted), datetime.now(UTC))
    assert [changed.hashes.result, changed.signature.result] == [Outcome.FAILED, Outcome.PASSED]
