"""A whole authority run by the `openssl` program: a new key with its link certificate, revocation lists, a master
list. What it issues must be taken in, followed and obeyed.
"""

import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from reader.pki import trust_files, trust_store
from reader.pki.passive_authentication import Verdicts, check, check_card_security, parse
from reader.pki.trust import NO_TRUST, load_trust
from reader.pki.trust_store import Report, Wanted
from reader.reading import Outcome
from tests.hostile.documents import der
from tests.peers.test_openssl_security_objects import FILES, listed

pytestmark = pytest.mark.peer

CONFIGURATION = """
[req]
distinguished_name = name
[name]
[ca]
default_ca = authority
[authority]
database = index.txt
new_certs_dir = .
serial = serial
crlnumber = crlnumber
default_md = sha384
default_days = 3650
default_crl_days = 60
policy = anything
rand_serial = yes
unique_subject = no
[anything]
countryName = optional
commonName = optional
[root]
basicConstraints = critical, CA:TRUE, pathlen:0
keyUsage = critical, keyCertSign, cRLSign
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid
[signer]
keyUsage = critical, digitalSignature
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid
2.23.136.1.1.6.2 = ASN1:SEQUENCE:document_types
[document_types]
version = INTEGER:0
types = SET:types
[types]
one = PRINTABLESTRING:ID
[lists]
keyUsage = critical, digitalSignature
extendedKeyUsage = critical, 2.23.136.1.1.3
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid
[crl]
authorityKeyIdentifier = keyid
"""
EXPLICIT = ("-algorithm", "EC", "-pkeyopt", "ec_param_enc:explicit", "-pkeyopt", "ec_paramgen_curve:brainpoolP384r1")


class Authority:
    """A country signing authority in a folder."""

    def __init__(self, folder: Path, country: str) -> None:
        self.folder, self.country = folder, country
        folder.mkdir()
        (folder / "c.cnf").write_text(CONFIGURATION)
        (folder / "index.txt").touch()
        for counter in ("serial", "crlnumber"):
            (folder / counter).write_text("01\n")

    def run(self, *arguments: str) -> None:
        done = subprocess.run(["openssl", *arguments], cwd=self.folder, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr

    def key(self, name: str) -> None:
        self.run("genpkey", *EXPLICIT, "-out", f"{name}.key")

    def root(self, name: str = "root") -> Path:
        self.key(name)
        subject = ("-subj", f"/C={self.country}/CN=CSCA", "-config", "c.cnf", "-extensions", "root")
        self.run("req", "-x509", "-new", "-key", f"{name}.key", *subject, "-days", "5000", "-out", f"{name}.pem")
        return self.folder / f"{name}.pem"

    def certify(self, name: str, kind: str, by: str = "root", common: str = "Synthetic") -> Path:
        """A certificate of a kind (section of the configuration) for a key that is there."""
        self.run(
            "req",
            "-new",
            "-key",
            f"{name}.key",
            "-subj",
            f"/C={self.country}/CN={common}",
            "-config",
            "c.cnf",
            "-out",
            "r",
        )
        made = f"{name}-by-{by}.pem"
        signing = ("-cert", f"{by}.pem", "-keyfile", f"{by}.key", "-extensions", kind)
        self.run("ca", "-batch", "-config", "c.cnf", "-notext", "-in", "r", *signing, "-out", made)
        return self.folder / made

    def signer(self, by: str = "root") -> Path:
        self.key("ds")
        return self.certify("ds", "signer", by)

    def revoke(self, certificate: Path, reason: str, by: str = "root") -> None:
        signing = ("-cert", f"{by}.pem", "-keyfile", f"{by}.key")
        self.run("ca", "-config", "c.cnf", "-revoke", certificate.name, "-crl_reason", reason, *signing)

    def revocation_list(self, by: str = "root", *more: str) -> Path:
        signing = ("-cert", f"{by}.pem", "-keyfile", f"{by}.key", "-crlexts", "crl")
        self.run("ca", "-config", "c.cnf", "-gencrl", *signing, *more, "-out", "list.crl")
        return self.folder / "list.crl"

    def sign(self, content: bytes, content_type: str, name: str, certificate: Path, *more: str) -> bytes:
        (self.folder / "content").write_bytes(content)
        signing = (
            "-signer",
            certificate.name,
            "-inkey",
            f"{name}.key",
            "-econtent_type",
            content_type,
            "-md",
            "sha384",
        )
        form = ("-binary", "-nodetach", "-in", "content", "-outform", "DER", "-out", "signed")
        self.run("cms", "-sign", *form, *signing, *more)
        return (self.folder / "signed").read_bytes()

    def sod(self, certificate: Path, *more: str) -> bytes:
        return der(0x77, self.sign(listed("sha384", FILES), "2.23.136.1.1.1", "ds", certificate, *more))

    def master_list(self, *certificates: Path) -> bytes:
        self.key("ml")
        signer = self.certify("ml", "lists")
        encoded = [trust_files.read(path).certificates[0] for path in certificates]
        # SET OF in DER order, as the standard asks.
        content = der(0x30, b"\x02\x01\x00", der(0x31, *sorted(encoded)))
        return self.sign(content, "2.23.136.1.1.2", "ml", signer)


@pytest.fixture
def vietnam(tmp_path: Path) -> Authority:
    return Authority(tmp_path / "vn", "VN")


def take(folder: Path, *files: Path, **wanted: object) -> Report:
    found = [trust_files.read(file) for file in files]
    contents = trust_files.Contents(
        certificates=tuple(der for one in found for der in one.certificates),
        revocations=tuple(der for one in found for der in one.revocations),
        lists=tuple(der for one in found for der in one.lists),
    )
    trust = load_trust(folder) if folder.exists() else NO_TRUST
    return trust_store.take_in(contents, folder, trust, Wanted(**wanted), datetime.now(UTC))


def judge(sod: bytes, folder: Path) -> Verdicts:
    return check(parse(sod), FILES, load_trust(folder), datetime.now(UTC))


def test_an_authority_with_explicit_parameters_is_taken_in_and_vouches(vietnam: Authority, tmp_path: Path) -> None:
    root = vietnam.root()
    report = take(tmp_path / "trust", root)
    assert [(entry.kind, entry.state, entry.country) for entry in report.entries] == [("root", "added", "VN")]
    verdicts = judge(vietnam.sod(vietnam.signer()), tmp_path / "trust")
    assert (verdicts.signature.result, verdicts.chain.result) == (Outcome.PASSED, Outcome.PASSED)
    assert verdicts.chain.protocol == "ecdsa-sha384-brainpoolP384r1"
    assert verdicts.warnings == ()


def test_card_security_signed_by_openssl_is_verified(vietnam: Authority, tmp_path: Path) -> None:
    take(tmp_path / "trust", vietnam.root())
    infos = bytes.fromhex("31143012060A04007F0007020204020202010202010D")
    encoded = vietnam.sign(infos, "0.4.0.127.0.7.3.2.1", "ds", vietnam.signer())
    judged = check_card_security(encoded, load_trust(tmp_path / "trust"), datetime.now(UTC))
    assert (judged.content, judged.signature.result, judged.chain.result) == (infos, Outcome.PASSED, Outcome.PASSED)


def test_a_new_key_is_reached_over_the_link_certificate(vietnam: Authority, tmp_path: Path) -> None:
    take(tmp_path / "trust", vietnam.root())
    vietnam.root("fresh")
    link = vietnam.certify("fresh", "root", common="CSCA")
    signer = vietnam.signer(by="fresh")
    unknown = judge(vietnam.sod(signer), tmp_path / "trust")
    assert (unknown.chain.result, unknown.chain.reason) == (Outcome.NOT_DONE, "chain.unknown")
    carried = judge(vietnam.sod(signer, "-certfile", link.name), tmp_path / "trust")
    assert carried.chain.result is Outcome.PASSED
    report = take(tmp_path / "trust", link)
    assert [(entry.kind, entry.state) for entry in report.entries] == [("link", "added")]
    assert judge(vietnam.sod(signer), tmp_path / "trust").chain.result is Outcome.PASSED


def test_a_signer_that_openssl_revoked_fails(vietnam: Authority, tmp_path: Path) -> None:
    signer = (vietnam.root(), vietnam.signer())[1]
    sod = vietnam.sod(signer)
    empty = vietnam.revocation_list()
    report = take(tmp_path / "trust", vietnam.folder / "root.pem", empty)
    assert [(entry.kind, entry.state) for entry in report.entries] == [("root", "added"), ("revocation_list", "added")]
    assert judge(sod, tmp_path / "trust").chain.result is Outcome.PASSED
    vietnam.revoke(signer, "keyCompromise")
    later = (datetime.now(UTC) + timedelta(minutes=1)).strftime("%Y%m%d%H%M%SZ")
    until = (datetime.now(UTC) + timedelta(days=60)).strftime("%Y%m%d%H%M%SZ")
    newer = vietnam.revocation_list("root", "-crl_lastupdate", later, "-crl_nextupdate", until)
    assert take(tmp_path / "trust", newer).count("added") == 1
    verdicts = judge(sod, tmp_path / "trust")
    assert (verdicts.chain.result, verdicts.chain.reason) == (Outcome.FAILED, "chain.revoked")
    assert "revocation.key_compromise" in verdicts.warnings


def test_a_revocation_list_past_its_time_is_a_warning(vietnam: Authority, tmp_path: Path) -> None:
    root, signer = vietnam.root(), vietnam.signer()
    old = vietnam.revocation_list("root", "-crl_lastupdate", "20250101000000Z", "-crl_nextupdate", "20250301000000Z")
    report = take(tmp_path / "trust", root, old)
    assert report.entries[1].expired
    verdicts = judge(vietnam.sod(signer), tmp_path / "trust")
    assert (verdicts.chain.result, verdicts.warnings) == (Outcome.PASSED, ("revocation.stale",))


def test_a_master_list_signed_by_openssl_is_taken_in_on_the_word_of_its_authority(
    vietnam: Authority, tmp_path: Path
) -> None:
    germany = Authority(tmp_path / "de", "DE")
    german = germany.root()
    (tmp_path / "list.ml").write_bytes(germany.master_list(german, vietnam.root()))
    unproven = take(tmp_path / "trust", tmp_path / "list.ml")
    assert (unproven.lists[0].why, unproven.entries) == ("unproven", ())
    assert unproven.lists[0].authority_sha256 is not None
    report = take(
        tmp_path / "trust", tmp_path / "list.ml", fingerprints=frozenset({unproven.lists[0].authority_sha256})
    )
    assert report.lists[0].proof == "fingerprint"
    assert sorted(entry.country for entry in report.entries) == ["DE", "VN"]
    assert judge(vietnam.sod(vietnam.signer()), tmp_path / "trust").chain.result is Outcome.PASSED
    assert take(tmp_path / "trust", tmp_path / "list.ml").lists[0].proof == "trusted"
