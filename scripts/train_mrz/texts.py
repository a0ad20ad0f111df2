"""What stands in the zones that the networks learn from: half of it plausible, half any letters in any order, so that
they learn shapes and not people.
"""

import numpy as np

LETTERS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ<"
WIDTHS = {"td1": 30, "td2": 36, "td3": 44}
ROWS = {"td1": 3, "td2": 2, "td3": 2}
_ALIKE = "0O8B6G5S2ZI1DQCJUV"
_NAMES = """
NGUYEN TRAN LE PHAM HOANG HUYNH PHAN VU VO DANG BUI DO HO NGO DUONG LY VAN THI HUU DUC MINH ANH QUOC THANH
KIM XUAN LAN HUONG GIANG QUYNH KHOA ZWJIF FJORD WAXY QUICK""".split()  # noqa: SIM905 - words are read as text
_WORDS = """
Nơi cư trú Place of residence Đặc điểm nhận dạng Personal identification Ngày tháng năm Date issue CỤC
TRƯỞNG CẢNH SÁT QUẢN LÝ HÀNH CHÍNH Xã Phường Quận Hà Nội 001303900017 20/05/2021 BỘ CÔNG AN Nguyễn Văn Thị Trần REPUBLIC
PASSPORT signature 4.5 kg OPEN exp ABC< 12-34 no. of the""".split()  # noqa: SIM905 - words are read as text


def zone(rng: np.random.Generator, size: str) -> list[str]:
    """The lines of one zone. Check digits may be wrong: nothing here looks at them."""
    if rng.random() < 0.5:
        return [_anything(rng, WIDTHS[size]) for _ in range(ROWS[size])]
    name = f"{_NAMES[rng.integers(20)]}<<" + "<".join(
        _NAMES[n] for n in rng.integers(len(_NAMES), size=rng.integers(1, 4))
    )
    birth, expiry = _date(rng), _date(rng)
    sex = "MF<"[rng.integers(3)]
    if size == "td1":
        number = _digits(rng, 12)
        return [
            f"IDVNM{number[3:]}{_digits(rng, 1)}{number}<<{_digits(rng, 1)}",
            f"{birth}{sex}{expiry}VNM{'<' * 11}{_digits(rng, 1)}",
            name.ljust(30, "<")[:30],
        ]
    width = WIDTHS[size]
    state = "".join(rng.choice(list(LETTERS[10:36]), 3))
    second = f"{_digits(rng, 10)}{state}{birth}{sex}{expiry}{_digits(rng, int(rng.integers(0, 14)))}"
    return [f"P<{state}{name}".ljust(width, "<")[:width], second.ljust(width, "<")[: width - 1] + _digits(rng, 1)]


def small_print(rng: np.random.Generator) -> str:
    """A few words as they stand elsewhere on a document, or a row of letters that is no zone's."""
    if rng.random() < 0.1:
        return "".join(rng.choice(list(LETTERS[:26]), 24))
    words = " ".join(_WORDS[n] for n in rng.integers(len(_WORDS), size=rng.integers(1, 8)))
    return words.upper() if rng.random() < 0.3 else words


def _anything(rng: np.random.Generator, width: int) -> str:
    text = ""
    while len(text) < width:
        kind = rng.random()
        if kind < 0.25:
            text += "<" * int(rng.integers(1, 10))
        else:
            letters = LETTERS[:10] if kind < 0.6 else LETTERS[10:36] if kind < 0.9 else _ALIKE
            text += "".join(rng.choice(list(letters), int(rng.integers(1, 10))))
    return text[:width]


def _digits(rng: np.random.Generator, count: int) -> str:
    return "".join(rng.choice(list(LETTERS[:10]), count))


def _date(rng: np.random.Generator) -> str:
    return f"{rng.integers(100):02}{rng.integers(1, 13):02}{rng.integers(1, 29):02}{rng.integers(10)}"
