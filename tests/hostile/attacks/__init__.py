"""Every hostile card that the reader is measured against, by name."""

from tests.hostile.attack import Attack, named
from tests.hostile.attacks import access, channel, contents, lengths, proof


def every() -> dict[str, Attack]:
    """All attacks."""
    return named(group.attacks() for group in (lengths, channel, access, proof, contents))
