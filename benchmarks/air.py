"""What an exchange costs on the air and in the chip: a model, and costs fitted to a run.

Air: ISO/IEC 14443 type A with frames of 256 bytes (253 of payload), 9 bits a byte, one R(ACK) for each further block,
a frame delay of 1172/fc each way (chip.md 3.1). Everything here counts bytes; nothing is sent.
"""

import statistics
from dataclasses import dataclass

CARRIER = 13.56e6  # Hz
FRAME_DELAY = 1172 / CARRIER  # seconds
PAYLOAD = 253  # bytes of an APDU in one block
OVERHEAD = 3  # PCB and CRC
ACKNOWLEDGEMENT = 3  # bytes of an R(ACK)
BITS = 9  # a byte and its parity
RATES = (106, 212, 424, 848)  # kbit/s: fc / 128, 64, 32, 16


@dataclass(frozen=True)
class Exchange:
    """One APDU: bytes out, bytes back, seconds it took."""

    sent: int
    received: int
    seconds: float


def on_air(exchanges: list[Exchange], kilobits: int) -> float:
    """Seconds on the air at this rate (106, 212, 424 or 848 kbit/s)."""
    bit = 128 / CARRIER * 106 / kilobits
    return sum(_transfer(one.sent, bit) + _transfer(one.received, bit) for one in exchanges)


def _transfer(size: int, bit: float) -> float:
    """One APDU one way: its blocks, and an acknowledgement between each two of them."""
    blocks = max(1, -(-size // PAYLOAD))
    payload = (size + OVERHEAD * blocks) * BITS * bit
    between = (blocks - 1) * (ACKNOWLEDGEMENT * BITS * bit + FRAME_DELAY)
    return payload + between + blocks * FRAME_DELAY


@dataclass(frozen=True)
class Cost:
    """Seconds per APDU and per byte, fitted to a run."""

    apdu: float
    byte: float

    def of(self, apdus: int, octets: int) -> float:
        """Seconds that so many APDUs with so many bytes cost."""
        return apdus * self.apdu + octets * self.byte


def fitted(exchanges: list[Exchange]) -> Cost:
    """The straight line through time over bytes, by least squares."""
    sizes = [float(one.sent + one.received) for one in exchanges]
    slope, intercept = statistics.linear_regression(sizes, [one.seconds for one in exchanges])
    return Cost(intercept, slope)
