"""The real surroundings of a reading: this machine's clocks, random identities, the site's trust folder.

The one place where the chip package touches them; everything else takes them as arguments.
"""

import secrets
import time
import uuid
from datetime import UTC, datetime
from pathlib import Path

from reader.chip.task import Surroundings
from reader.pki.trust import load_trust


def real_surroundings(trust_folder: str) -> Surroundings:
    """`trust_folder` is the setting of that name, empty for none. Raises reader.pki.trust.TrustUnusable."""
    return Surroundings(
        clock=time.monotonic,
        utc_now=lambda: datetime.now(UTC),
        new_id=lambda: uuid.uuid4().hex,
        octets=secrets.token_bytes,
        trust=load_trust(Path(trust_folder) if trust_folder else None),
    )
