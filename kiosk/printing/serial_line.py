"""A printer on a serial line. The only importer of pyserial outside the reader."""

import serial


def open_serial(device: str, baud: int, seconds: float) -> serial.Serial:
    """The line, for nobody else. Raises OSError, ValueError."""
    # XON/XOFF hurts no printer that has it not: no answer to a status request holds either byte (their bit 0 is 0).
    return serial.Serial(device, baud, timeout=0, write_timeout=seconds, xonxoff=True, exclusive=True)
