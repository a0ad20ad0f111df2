"""Pictures of QR codes as files hold them."""

from io import BytesIO
from typing import Any

import numpy as np
import segno
from PIL import Image

CARD = "001303900017|012345678|Trần Thị Mẫu|14022003|Nữ|Số 1 Đường Mẫu, Phường Mẫu, Quận Thử, Hà Nội|20052021"


def qr(text: str | bytes = CARD, scale: int = 5, border: int = 4) -> Image.Image:
    """A code in grey, `scale` pixels a module."""
    payload = text.encode() if isinstance(text, str) else text
    modules = np.array([list(row) for row in segno.make(payload, mode="byte", micro=False).matrix], np.uint8)
    large = np.kron(np.pad(modules, border), np.ones((scale, scale), np.uint8))
    return Image.fromarray(np.where(large == 1, 0, 255).astype(np.uint8))


def scene(*placed: tuple[Image.Image, int, int], size: tuple[int, int] = (1280, 720)) -> Image.Image:
    """Pictures on a grey ground, each with its left and top."""
    ground = Image.new("L", size, 170)
    for picture, left, top in placed:
        ground.paste(picture, (left, top))
    return ground


def saved(picture: Image.Image, kind: str, **options: Any) -> bytes:
    """The picture as a file of this format. A copy, because Pillow's writers leave settings in what they wrote."""
    out = BytesIO()
    rest = [other.copy() for other in options.pop("append_images", [])]
    if rest:
        options |= {"save_all": True, "append_images": rest}
    picture.copy().save(out, kind, **options)
    return out.getvalue()
