"""Codes made by libqrencode, which many card printers use, read exactly: it mixes numeric, alphanumeric and byte
segments as it sees fit."""

import io
import random
import shutil
import subprocess
from itertools import islice

import numpy as np
import pytest
from PIL import Image

from reader.optical.decode import decode
from reader.optical.pictures import GreyImage
from tests.reader.payload.vietnam import payloads

pytestmark = pytest.mark.peer

TEXTS = list(islice(payloads(random.Random(21)), 40))  # noqa: S311


def made_by_qrencode(text: str, level: str, *options: str) -> GreyImage:
    if shutil.which("qrencode") is None:
        pytest.fail("no qrencode: `make setup-test` installs it")
    command = ["qrencode", "-o", "-", "-t", "PNG", "-s", "3", "-l", level, *options]
    made = subprocess.run(command, input=text.encode(), capture_output=True, check=True)
    return np.array(Image.open(io.BytesIO(made.stdout)).convert("RGBA").convert("L"))


@pytest.mark.parametrize("level", ["L", "M", "Q", "H"])
@pytest.mark.parametrize("options", [(), ("-8",)], ids=["mixed", "byte"])
def test_every_letter_of_a_card_comes_back_from_codes_of_libqrencode(level: str, options: tuple[str, ...]) -> None:
    assert [text for text in TEXTS if decode(made_by_qrencode(text, level, *options)) != [text]] == []
