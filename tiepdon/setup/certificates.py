"""Do a certificate and a key that somebody names belong together? Asked before they are taken; the service would only
say so when nobody stands there any more. Pure; must not touch a file.
"""

CERTIFICATE, KEY, PAIR = "setup.certificate", "setup.key", "setup.pair"


def pair_problem(certificate: str | None, key: str | None) -> str | None:
    """The code of what is wrong with them (PEM); None where nothing is. One that is missing stays as it was."""
    from cryptography import x509
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_private_key

    of_certificate = of_key = None
    form = Encoding.DER, PublicFormat.SubjectPublicKeyInfo
    try:
        if certificate is not None:
            of_certificate = x509.load_pem_x509_certificate(certificate.encode()).public_key().public_bytes(*form)
    except (ValueError, UnsupportedAlgorithm):
        return CERTIFICATE
    try:
        if key is not None:
            of_key = load_pem_private_key(key.encode(), None).public_key().public_bytes(*form)
    except (ValueError, TypeError, UnsupportedAlgorithm):  # TypeError: it has a password, which nobody would type
        return KEY
    return PAIR if of_certificate and of_key and of_certificate != of_key else None
