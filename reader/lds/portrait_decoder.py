"""Decode one image from standard input and write it anew to standard output: the reader's door to Pillow for portraits.

Runs as a process of its own (`python -I portrait_decoder.py JPEG|PNG BYTES SECONDS`), because the image is from
outside: whatever it does to the decoder, this process dies of it alone. Must not import anything of ours.
"""

import resource
import sys
from io import BytesIO
from pathlib import Path

LONGEST_INPUT = 1 << 20  # bytes; no data group is larger
MOST_PIXELS = 4 << 20


def main(to: str, memory_bytes: int, seconds: int) -> None:
    """Convert; ends with an exception, and so with a status other than 0, when that is not possible."""
    from PIL import Image, Jpeg2KImagePlugin, JpegImagePlugin

    # Named one by one: no image picks its own decoder among the dozens there are.
    formats = (JpegImagePlugin.JpegImageFile.format, Jpeg2KImagePlugin.Jpeg2KImageFile.format)
    Image.MAX_IMAGE_PIXELS = MOST_PIXELS
    data = sys.stdin.buffer.read(LONGEST_INPUT + 1)
    if len(data) > LONGEST_INPUT:
        raise SystemExit(1)
    _limit(memory_bytes, seconds)
    with Image.open(BytesIO(data), formats=formats) as image:
        plain = image if image.mode in {"L", "RGB"} else image.convert("RGB")
        out = BytesIO()
        plain.save(out, to, quality=92)
    sys.stdout.buffer.write(out.getvalue())


def _limit(memory_bytes: int, seconds: int) -> None:
    """No more memory than that on top of what is mapped now, no more processor time, no file, no core dump."""
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0])
    limit = pages * resource.getpagesize() + memory_bytes
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds + 1))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
