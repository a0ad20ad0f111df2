"""The real surroundings of a reading: this machine's clocks, random identities, the site's trust folder.

The one place where the chip package touches them; everything else takes them as arguments.
"""

import time
import uuid
from datetime import UTC, datetime
from pathlib import Path

from reader.chip.session import Surroundings
from reader.chip.trust import load_anchors


def real_surroundings(trust_folder: str) -> Surroundings:
    """`trust_folder` is the setting of that name, empty for none. Raises reader.chip.trust.TrustUnusable."""
    return Surroundings(
        clock=time.monotonic,
        utc_now=lambda: datetime.now(UTC),
        new_id=lambda: uuid.uuid4().hex,
        anchors=load_anchors(Path(trust_folder) if trust_folder else None),
    )
