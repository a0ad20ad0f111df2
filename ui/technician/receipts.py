"""What receivers answered, in words: acknowledgement codes, HTTP statuses, issue codes, words of our own connectors.

A receipt is short text made of codes (hisbridge.connectors.contract.Receipt). It is told by kind, so that a code of a
receiver not met yet has words too; what is of no known kind stays as it is. Pure; no Flask.
"""

import re
from collections.abc import Callable, Sequence

from ui.words import Words

Told = list[str]  # phrases; empty: nothing is known of it
MOST_FIELDS = 30

_HL7 = re.compile(r"(AA|AE|AR|CA|CE|CR)(?: ([0-9A-Za-z]{1,8}))?(?: ([0-9A-Za-z^]{1,32}))?")
_HTTP = re.compile(r"(?:([a-z_]{1,20})_)?(?:HTTP |http_)([0-9]{3})((?: [a-z-]{1,30})*)")
_STATUSES = re.compile(r"2[0-9]{2}(?: 2[0-9]{2})*")
_PORTAL = re.compile(r"[0-9]{3}")
_ENVELOPE = re.compile(r"code_([0-9A-Za-z]{1,8})")
_DRAFT = re.compile(r"draft \S+ \((?:(open \S+)|([a-z ]+))\)")
_SUBMITTED = re.compile(r"maGiaoDich (\S+)(?: \S+)?")
_DOUBTFUL = re.compile(r"200 (with an error text|without maGiaoDich)(?: \S+)?")
_FILE = re.compile(r"(written|was there) (\S+)")
_TAKEN = re.compile(r"taken (.+)")


def receipt_words(receipt: str | None, words: Words) -> str:
    """The receipt in words, as one line; empty where nothing is known of it."""
    text = (receipt or "").strip()
    for pattern, tell in _KINDS:
        if found := pattern.fullmatch(text):
            return " · ".join(tell(found, words))
    told = [words.get(key) for part in (text, *text.split()[:6]) if (key := f"receipt.word.{part}") in words]
    return " · ".join(told[:1] if text and f"receipt.word.{text}" in words else told)


def field_words(fields: Sequence[str], words: Words) -> str:
    """What has to be completed: fields of the hospital data standard, each `NAME:rule`."""
    return ", ".join(_field(one, words) for one in fields[:MOST_FIELDS])


def _field(told: str, words: Words) -> str:
    name, _, rule = told.partition(":")
    what = words.get(f"checkin.field.{name}") if f"checkin.field.{name}" in words else name
    return f"{what} ({words.get(f'checkin.rule.{rule}')})" if f"checkin.rule.{rule}" in words else what


def _hl7(found: re.Match[str], words: Words) -> Told:
    told = [words.get(f"receipt.hl7.{found[1]}")]
    if found[2]:
        told.append(_kind(words, "receipt.hl7.error", found[2]))
    if found[3]:
        segment, _, rest = found[3].partition("^")
        place = rest.split("^")[1] if rest.count("^") else ""
        told.append(words.get("receipt.hl7.where", place=f"{segment}-{place}" if place else segment))
    return told


def _http(found: re.Match[str], words: Words) -> Told:
    told = [_kind(words, "receipt.http", found[2], f"{found[2][0]}xx")]
    if found[1]:
        told.insert(0, _kind(words, "receipt.step", found[1]))
    return told + [words.get(key) for code in found[3].split() if (key := f"receipt.word.{code}") in words]


def _stored(found: re.Match[str], words: Words) -> Told:
    statuses = found[0].split()
    return [words.get("receipt.stored", all=len(statuses), new=statuses.count("201"))]


def _draft(found: re.Match[str], words: Words) -> Told:
    return [_kind(words, "receipt.draft", "open" if found[1] else found[2].replace(" ", "_"))]


def _kind(words: Words, prefix: str, *names: str) -> str:
    """The words of the first name that has some; else those of the whole kind."""
    known = next((name for name in names if f"{prefix}.{name}" in words), None)
    return words.get(f"{prefix}.{known}" if known else prefix, code=names[0])


_KINDS: Sequence[tuple[re.Pattern[str], Callable[[re.Match[str], Words], Told]]] = (
    (_HL7, _hl7),
    (_HTTP, _http),
    (_STATUSES, _stored),
    (_PORTAL, lambda found, words: [_kind(words, "receipt.portal", found[0])]),
    (_ENVELOPE, lambda found, words: [_kind(words, "receipt.code", found[1])]),
    (_DRAFT, _draft),
    (_SUBMITTED, lambda found, words: [words.get("receipt.submitted", number=found[1])]),
    (_DOUBTFUL, lambda found, words: [words.get(f"receipt.doubtful.{found[1].split()[0]}")]),
    (_FILE, lambda found, words: [words.get(f"receipt.file.{found[1].split()[0]}", name=found[2])]),
    (_TAKEN, lambda _, words: [words.get("receipt.taken")]),
)
