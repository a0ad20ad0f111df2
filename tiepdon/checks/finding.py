"""What a look at one part finds. Shared by every look; must not import any part."""

from collections.abc import Callable, Iterator

from wire.findings import Finding as Finding
from wire.findings import Status as Status

Probe = Callable[[], Iterator[Finding]]
