"""A token on every press, so that no other page can press in somebody's name (OWASP: synchronizer token).

It is made from the session's own token, which no script can read, so nothing more has to be kept. It comes besides the
check that a press comes from our own page (ui/guard.py). Must not import Flask.
"""

import hashlib
import hmac

HEADER = "X-CSRF-Token"


def token_for(session_token: str) -> str:
    """What the pages of this session send with every press."""
    return hmac.new(session_token.encode("utf-8", "replace"), b"tiepdon csrf", hashlib.sha256).hexdigest()


def matches(session_token: str, told: str) -> bool:
    """Whether a press comes from a page of this session."""
    return hmac.compare_digest(token_for(session_token).encode(), told.encode("utf-8", "replace"))
