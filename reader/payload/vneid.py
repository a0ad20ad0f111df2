"""Whether a code that cannot be read is one of the VNeID app's own, so that the screen can say: please show the card.

What the app shows beside the card's own code is bound to a session and only the ministry's partners can verify it
(card.md 1.3); its form is not published. So nothing is taken for one without the app's name in it, in the open or
inside a token. Pure.
"""

import base64
import binascii
import re

_NAME = re.compile(r"(?<![a-z])vneid(?![a-z])", re.IGNORECASE)
_TOKEN = re.compile(r"[A-Za-z0-9+/_-]{12,}")  # base64 and base64url, whole or between the points of a JWT (RFC 7519)
_STANDARD_TO_URL = str.maketrans("+/", "-_")


def is_vneid(text: str) -> bool:
    """Whether the app's name stands in a text, or in a token inside it."""
    return bool(_NAME.search(text)) or any(_NAME.search(_decoded(token)) for token in _TOKEN.findall(text))


def _decoded(token: str) -> str:
    try:
        raw = base64.urlsafe_b64decode(token.translate(_STANDARD_TO_URL) + "=" * (-len(token) % 4))
    except binascii.Error:
        return ""
    return raw.decode("latin-1")
