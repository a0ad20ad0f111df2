"""Domain parameters of the curves that sandbox certificates write out in full (RFC 5639, 3.4 and 3.7)."""

from dataclasses import dataclass

from sandbox.card import curve


@dataclass(frozen=True)
class Domain:
    """y² = x³ + ax + b over the field of p elements; base point (x, y) of prime order n; size in bytes."""

    p: int
    a: int
    b: int
    x: int
    y: int
    n: int
    size: int


BRAINPOOL_P256R1 = Domain(
    p=curve.P, a=curve.A, b=curve.B, x=curve.GENERATOR.x, y=curve.GENERATOR.y, n=curve.N, size=curve.SIZE
)
BRAINPOOL_P512R1 = Domain(
    p=int(
        "AADD9DB8DBE9C48B3FD4E6AE33C9FC07CB308DB3B3C9D20ED6639CCA70330871"
        "7D4D9B009BC66842AECDA12AE6A380E62881FF2F2D82C68528AA6056583A48F3",
        16,
    ),
    a=int(
        "7830A3318B603B89E2327145AC234CC594CBDD8D3DF91610A83441CAEA9863BC"
        "2DED5D5AA8253AA10A2EF1C98B9AC8B57F1117A72BF2C7B9E7C1AC4D77FC94CA",
        16,
    ),
    b=int(
        "3DF91610A83441CAEA9863BC2DED5D5AA8253AA10A2EF1C98B9AC8B57F1117A7"
        "2BF2C7B9E7C1AC4D77FC94CADC083E67984050B75EBAE5DD2809BD638016F723",
        16,
    ),
    x=int(
        "81AEE4BDD82ED9645A21322E9C4C6A9385ED9F70B5D916C1B43B62EEF4D0098E"
        "FF3B1F78E2D0D48D50D1687B93B97D5F7C6D5047406A5E688B352209BCB9F822",
        16,
    ),
    y=int(
        "7DDE385D566332ECC0EABFA9CF7822FDF209F70024A57B1AA000C55B881F8111"
        "B2DCDE494A5F485E5BCA4BD88A2763AED1CA2B2FA8F0540678CD1E0F3AD80892",
        16,
    ),
    n=int(
        "AADD9DB8DBE9C48B3FD4E6AE33C9FC07CB308DB3B3C9D20ED6639CCA70330870"
        "553E5C414CA92619418661197FAC10471DB1D381085DDADDB58796829CA90069",
        16,
    ),
    size=64,
)
_BY_NAME = {"brainpoolP256r1": BRAINPOOL_P256R1, "brainpoolP512r1": BRAINPOOL_P512R1}


def domain(name: str) -> Domain:
    """The parameters of a curve by its name."""
    return _BY_NAME[name]
