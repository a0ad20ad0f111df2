"""HL7 v2 acknowledgements: read tolerantly, judged strictly (bridge.md 1.3). Pure; knows no socket."""

import re
from dataclasses import dataclass

from hisbridge.connectors.contract import Outcome, Receipt
from hisbridge.errors import GarbledAnswer

UNSUPPORTED_CODES = frozenset({"200", "201", "202", "203"})  # table 0357: message type, event, processing id, version
_CODE = re.compile(r"[0-9A-Za-z]{1,8}")
_LOCATION = re.compile(r"[0-9A-Za-z^]{1,32}")


@dataclass(frozen=True)
class Acknowledgement:
    """MSA-1, MSA-2, and of the first ERR segment the error code (table 0357) and where it points."""

    code: str
    control_id: str
    error: str = ""
    location: str = ""


def parse(message: bytes) -> Acknowledgement:
    """Take MSA and ERR out of an answer; segments may end with CR, LF or both.

    Raises GarbledAnswer when it is no HL7 message with an MSA segment.
    """
    segments = [segment for segment in re.split(r"[\r\n]+", message.decode("utf-8", "replace")) if segment]
    if not segments or not segments[0].startswith("MSH") or len(segments[0]) < 5:
        raise GarbledAnswer(why="no MSH segment")
    header = segments[0]
    field_mark, component_mark = header[3], header[4]
    found: dict[str, list[str]] = {}
    for segment in segments[1:]:
        found.setdefault(segment[:3], segment.split(field_mark))
    acknowledged = found.get("MSA")
    if acknowledged is None:
        raise GarbledAnswer(why="no MSA segment")
    error, location = _error(found.get("ERR", []), component_mark)
    return Acknowledgement(
        code=_field(acknowledged, 1).upper(),
        control_id=_field(acknowledged, 2),
        error=error or _matching(_CODE, _field(acknowledged, 6).split(component_mark)[0]),
        location=location,
    )


def judge(answer: Acknowledgement) -> Receipt:
    """What an acknowledgement of our message means. Raises GarbledAnswer for a code outside table 0008."""
    text = " ".join(part for part in (answer.code, answer.error, answer.location) if part)
    if answer.code in ("AA", "CA"):
        return Receipt(Outcome.ACKNOWLEDGED, text)
    if answer.code in ("AE", "CE"):
        return Receipt(Outcome.TRY_LATER if answer.error == "207" else Outcome.REJECTED, text)
    if answer.code in ("AR", "CR"):
        return Receipt(_refusal(answer.error), text)
    raise GarbledAnswer(why="acknowledgement code")


def is_interim(answer: Acknowledgement) -> bool:
    """CA says "stored"; a peer in enhanced mode sends its verdict on the content afterwards."""
    return answer.code == "CA"


def _refusal(error: str) -> Outcome:
    if error in UNSUPPORTED_CODES:
        return Outcome.MISCONFIGURED
    # A reject for "a reason unrelated to content" (HL7 v2.5, table 0008) is the receiver's own trouble, with or
    # without a code; only codes that speak of content end the delivery.
    content = error.startswith("1") or error in ("204", "205")
    return Outcome.REJECTED if content else Outcome.TRY_LATER


def _error(fields: list[str], component_mark: str) -> tuple[str, str]:
    """Error code and location: ERR-3 and ERR-2 since v2.5; before it both are in ERR-1 (code in component 4)."""
    code = _matching(_CODE, _field(fields, 3).split(component_mark)[0])
    if code:
        return code, _matching(_LOCATION, _field(fields, 2).replace(component_mark, "^"))
    old = _field(fields, 1).split(component_mark)
    code = _matching(_CODE, re.split(r"[&]", old[3])[0]) if len(old) > 3 else ""
    return code, _matching(_LOCATION, "^".join(old[:3]))


def _matching(pattern: re.Pattern[str], text: str) -> str:
    """Only codes pass; free text from outside may be personal."""
    return text if pattern.fullmatch(text) else ""


def _field(fields: list[str], number: int) -> str:
    return fields[number].strip() if len(fields) > number else ""
