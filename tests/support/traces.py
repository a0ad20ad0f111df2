"""Looking for somebody in bytes: every way in which any of our parts might have written what is known of them."""

import base64
import re
import unicodedata
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote, quote_plus
from zipfile import ZipFile

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

PAGE, RESERVED, IV, SALT = 4096, 80, 16, 16  # of SQLCipher 4: AES-256-CBC, HMAC-SHA-512 behind each page
WAL_HEADER, FRAME_HEADER = 32, 24  # SQLite, fileformat2.html, 4.1


def needles(text: str) -> set[bytes]:
    """The text composed and decomposed, without marks, in every case, in UTF-8 and UTF-16, escaped for JSON, HTML and a
    URL, as hex and base64 at any place; digits also in groups."""
    bare = "".join(one for one in unicodedata.normalize("NFD", text) if not unicodedata.combining(one))
    spelt = {unicodedata.normalize(form, text) for form in ("NFC", "NFD")} | {bare}
    spelt |= {one.replace("đ", "d").replace("Đ", "D") for one in spelt}
    spelt |= {change(one) for one in spelt for change in (str.lower, str.upper, str.title)}
    if text.isdigit() and len(text) > 8:
        for mark in (" ", ".", "-", "\xa0"):
            spelt |= {mark.join(text[at : at + size] for at in range(0, len(text), size)) for size in (3, 4)}
    found: set[bytes] = set()
    for one in spelt:
        plain = {one.encode(), one.encode("utf-16-le"), one.encode("utf-16-be")}
        found |= plain | {encoded.hex().encode() for encoded in plain}
        found |= {core for encoded in plain for core in _base64(encoded)}
        escaped = one.encode("unicode_escape").decode()  # below U+0100 as \xe9, JSON as é
        json_like = re.sub(r"\\x([0-9a-f]{2})", r"\\u00\1", escaped)
        entities = {
            "".join(f"&#{ord(c)};" if ord(c) > 127 else c for c in one),
            one.encode("ascii", "xmlcharrefreplace"),
        }
        for other in (escaped, json_like, json_like.replace("\\", "\\\\"), quote(one), quote_plus(one), *entities):
            found.add(other.encode() if isinstance(other, str) else other)
    return found


class Known:
    """Finds any of these texts in bytes."""

    def __init__(self, *texts: str) -> None:
        every = {needle for text in texts for needle in needles(text)}
        # What holds another of them is found by that one.
        self._needles = [one for one in every if not any(other != one and other in one for other in every)]

    def search(self, content: bytes) -> bytes | None:
        """One that is in it."""
        return next((one for one in self._needles if one in content), None)


def traces(folder: Path, known: Known, secret: str | None = None) -> list[tuple[str, bytes]]:
    """Which files below a folder still tell of them, and what; encrypted databases and their logs are opened page by
    page with their `secret` (`wire.database.secret_of`), free pages too."""
    found = []
    for file in sorted(folder.rglob("*")):
        if file.is_file() and not file.is_symlink():
            content = file.read_bytes()
            texts = [content] if secret is None else [content, b"".join(opened(content, secret))]
            if file.suffix == ".zip":
                with ZipFile(file) as archive:
                    texts += [archive.read(name) for name in archive.namelist()]
            found += [(str(file.relative_to(folder)), hit) for text in texts if (hit := known.search(text))]
    return found


def opened(content: bytes, secret: str) -> Iterator[bytes]:
    """Every page of an encrypted database file or of its log, as it stands under this key."""
    key = bytes.fromhex(secret[:64])
    is_log = content[:4] in (b"\x37\x7f\x06\x82", b"\x37\x7f\x06\x83")
    begin, step = (WAL_HEADER + FRAME_HEADER, FRAME_HEADER + PAGE) if is_log else (0, PAGE)
    for at in range(begin, len(content) - PAGE + 1, step):
        page = content[at : at + PAGE]
        body = page[SALT if not is_log and at == 0 else 0 : PAGE - RESERVED]
        reserve = page[PAGE - RESERVED :]
        for first in (body, body[SALT:]):  # in the log page 1 has its salt too
            if len(first) % 16 == 0:
                decryptor = Cipher(algorithms.AES(key), modes.CBC(reserve[:IV])).decryptor()
                yield decryptor.update(first) + decryptor.finalize()


def _base64(content: bytes) -> Iterator[bytes]:
    """The middle of the text, wherever it began in what was encoded."""
    for before in range(3):
        coded = base64.b64encode(bytes(before) + content)
        core = coded[(before * 8 + 5) // 6 + (1 if before else 0) : -4]
        if len(core) > 10:
            yield core
            yield core.replace(b"+", b"-").replace(b"/", b"_")
