"""The sandbox's country signing authority (CSCA) and document signer (DSC), ICAO Doc 9303-12.

Made once for each installation and kept in its state folder, so that no published key can sign a card that a
careless site would trust. Both certificates carry explicit curve parameters, as Vietnam's published CSCA does.
Tests make others: every signature scheme, a rollover of the CSCA's key, revocation lists, master lists.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from sandbox.card import certificates, cms, der
from sandbox.card.certificates import Signer
from sandbox.card.signing import Ecdsa, EcdsaSigningKey, Scheme, SigningKey
from sandbox.errors import TrustUnusable

COUNTRY = "VN"
VALID_FROM = datetime(2020, 1, 1, tzinfo=UTC)
SIGNER_VALID_TO = datetime(2045, 1, 1, tzinfo=UTC)
AUTHORITY_VALID_TO = datetime(2049, 12, 31, tzinfo=UTC)
AUTHORITY_SCHEME, SIGNER_SCHEME = Ecdsa("brainpoolP512r1", "SHA-512"), Ecdsa("brainpoolP256r1", "SHA-256")
MASTER_LIST = "2.23.136.1.1.2"
CERTIFICATE_FILE = "csca.cer"


@dataclass(frozen=True)
class Country:
    """A country signing authority: its key, its encoded Name and its self-signed certificate (DER)."""

    key: SigningKey
    name: bytes
    certificate: bytes

    def certify(
        self,
        key: SigningKey,
        *,
        common: str = "Sandbox Document Signer",
        valid_from: datetime = VALID_FROM,
        valid_to: datetime = SIGNER_VALID_TO,
        extensions: Sequence[bytes] = (),
    ) -> Signer:
        """A certificate for somebody who signs documents for this authority."""
        subject = certificates.name(_country_code(self.name), common)
        usage = certificates.key_usage(*certificates.DIGITAL_SIGNATURE)
        validity = (valid_from, valid_to)
        return Signer(key, certificates.certificate(key, self.key, subject, self.name, validity, [usage, *extensions]))

    def authority(self, scheme: Scheme = SIGNER_SCHEME) -> "Authority":
        """This country with a new document signer."""
        return self.authority_with(self.certify(scheme.generate()))

    def authority_with(self, signer: Signer) -> "Authority":
        """This country with a document signer that it certified."""
        return _authority(self.certificate, signer, self)

    def successor(self, scheme: Scheme, *, common: str = "Sandbox CSCA") -> "Country":
        """The same country with its next key; usually it keeps its name (9303-12, 4.1)."""
        return _country(scheme, _country_code(self.name), common)

    def link_certificate(self, successor: "Country") -> bytes:
        """The next key vouched for by this one (9303-12, 7.1.1): whoever trusts this authority can go on to that."""
        return certificates.certificate(
            successor.key, self.key, successor.name, self.name, (VALID_FROM, AUTHORITY_VALID_TO), _AUTHORITY_EXTENSIONS
        )

    def revocation_list(
        self, revoked: Sequence[int], this_update: datetime, next_update: datetime, number: int = 1
    ) -> bytes:
        """A CRL (DER) over serial numbers of certificates that this authority issued (9303-12, 7.1.4)."""
        return certificates.revocation_list(self.key, self.name, revoked, (this_update, next_update), number)

    def master_list(self, trusted: Sequence[bytes], signed_at: datetime, scheme: Scheme = SIGNER_SCHEME) -> bytes:
        """A CscaMasterList (9303-12, 9): CSCA certificates signed by a master list signer of this country."""
        purpose = certificates.extended_key_usage(certificates.MASTER_LIST_SIGNING)
        signer = self.certify(scheme.generate(), common="Sandbox Master List Signer", extensions=[purpose])
        content = der.sequence(der.integer(0), der.set_of(trusted))
        return cms.signed_data(
            MASTER_LIST, content, signer, signed_at, identified_by="key_identifier", others=[self.certificate]
        )


@dataclass(frozen=True)
class Authority:
    """A document signer's key and certificate, and the CSCA certificate above it (DER).

    `country` is there until the authority is put away: the CSCA's own key is never written down.
    """

    authority_certificate: bytes
    signer_certificate: bytes
    signer_key: SigningKey
    signer_issuer: bytes  # encoded Name
    signer_serial: int
    country: Country | None = None

    @property
    def signer(self) -> Signer:
        """What signs this authority's documents."""
        return Signer(self.signer_key, self.signer_certificate)

    def sign(self, data: bytes) -> bytes:
        """The document signer's signature."""
        return self.signer_key.sign(data)

    def secret(self) -> bytes:
        """What the keys of this installation's cards are derived from."""
        return self.signer_key.secret()

    def reissued(self, scheme: Scheme) -> "Authority":
        """The same CSCA with another document signer. Raises TrustUnusable when the CSCA's key is gone."""
        return self._country().authority(scheme)

    def recertified(self, extensions: Sequence[bytes]) -> "Authority":
        """The same signer with more in its certificate. Raises TrustUnusable when the CSCA's key is gone."""
        country = self._country()
        return country.authority_with(country.certify(self.signer_key, extensions=extensions))

    def export(self, folder: Path) -> Path:
        """Write the CSCA certificate where a reader's trust folder is; returns the file."""
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / CERTIFICATE_FILE
        path.write_bytes(self.authority_certificate)
        return path

    def _country(self) -> Country:
        if self.country is None:
            raise TrustUnusable(why="the key of the CSCA was not kept")
        return self.country


def create(signer: Scheme = SIGNER_SCHEME, authority: Scheme = AUTHORITY_SCHEME, country: str = COUNTRY) -> Authority:
    """A new authority with fresh keys; `country` is two letters."""
    return create_country(authority, country).authority(signer)


def create_country(scheme: Scheme = AUTHORITY_SCHEME, country: str = COUNTRY) -> Country:
    """A new CSCA alone."""
    return _country(scheme, country, "Sandbox CSCA")


def load_or_create(folder: Path) -> Authority:
    """The authority kept in `folder`, made there on the first call. Raises TrustUnusable when its files are damaged."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    authority_file, signer_file = folder / "csca.cer", folder / "dsc.cer"
    key_file = folder / "dsc.key"
    if not key_file.exists():
        country, key = create_country(), SIGNER_SCHEME.generate()
        made = country.authority_with(country.certify(key))
        authority_file.write_bytes(made.authority_certificate)
        signer_file.write_bytes(made.signer_certificate)
        _write_secret(key_file, key.private)
        return made
    try:
        private = serialization.load_pem_private_key(key_file.read_bytes(), None)
        if not isinstance(private, ec.EllipticCurvePrivateKey):
            raise TrustUnusable(why="not an elliptic curve key")
        signer = Signer(EcdsaSigningKey(private), signer_file.read_bytes())
        return _authority(authority_file.read_bytes(), signer, None)
    except (OSError, ValueError, IndexError) as error:
        raise TrustUnusable(why=error.__class__.__name__) from None


_AUTHORITY_EXTENSIONS = (
    certificates.basic_constraints(),
    certificates.key_usage(*certificates.KEY_CERT_AND_CRL_SIGN),
)


def _country(scheme: Scheme, code: str, common: str) -> Country:
    key, name = scheme.generate(), certificates.name(code, common)
    validity = (VALID_FROM, AUTHORITY_VALID_TO)
    return Country(key, name, certificates.certificate(key, key, name, name, validity, _AUTHORITY_EXTENSIONS))


def _authority(root: bytes, signer: Signer, country: Country | None) -> Authority:
    return Authority(
        authority_certificate=root,
        signer_certificate=signer.certificate,
        signer_key=signer.key,
        signer_issuer=signer.issuer,
        signer_serial=signer.serial,
        country=country,
    )


def _country_code(name: bytes) -> str:
    """The C of a Name as `certificates.name` writes it, first."""
    ((_, parts),) = der.split(name)
    ((_, attribute),) = der.split(der.split(parts)[0][1])
    return der.split(attribute)[1][1].decode("ascii")


def _write_secret(path: Path, key: ec.EllipticCurvePrivateKey) -> None:
    text = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    fresh = path.with_name(path.name + ".new")
    fresh.unlink(missing_ok=True)
    fresh.touch(mode=0o600)
    fresh.write_bytes(text)
    fresh.replace(path)  # whole or not at all
