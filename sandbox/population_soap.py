"""The register's SOAP 1.1 by its own hand: a strict reader of questions, a writer of answers, and hostile answers.

Expat reads, with every document type refused. Namespaces and names: services.md 4.2 to 4.4.
"""

from collections.abc import Mapping, Sequence
from typing import Any
from xml.parsers import expat
from xml.sax.saxutils import escape  # nosec B406  # writes only

from sandbox.population_register import Sought

ENVELOPE = "http://schemas.xmlsoap.org/soap/envelope/"
REQUEST = "http://dancuquocgia.bca"
RESPONSE = "http://www.mic.gov.vn/dancu/1.0"
OPERATION = "TraCuuThongTinCongDan"
VERIFICATION = "XacThucThongTinCongDan"  # services.md 4.2: answers KetQuaXacThuc
CONTENT_TYPE = "text/xml; charset=utf-8"
# In this order; several clients depend on it (services.md 4.3).
FIELDS = (
    *("MaYeuCau", "MaDVC", "MaTichHop", "MaCanBo", "MaDonVi", "TaiKhoan", "SoDienThoai"),
    *("SoDinhDanh", "SoCMND", "HoVaTen", "NgayThangNamSinh"),
)
LONGEST = {"MaYeuCau": 40, "MaDVC": 20, "MaTichHop": 20, "MaCanBo": 20, "MaDonVi": 35, "HoVaTen": 100}
NEEDED = ("MaYeuCau", "MaDVC", "MaTichHop", "MaCanBo", "HoVaTen")
MAX_DEPTH = 8

ENTITIES = b"""<?xml version="1.0"?><!DOCTYPE bomb [<!ENTITY a "aaaaaaaaaa">
<!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;"><!ENTITY c "&b;&b;&b;&b;&b;&b;&b;&b;&b;&b;">
<!ENTITY d "&c;&c;&c;&c;&c;&c;&c;&c;&c;&c;"><!ENTITY e "&d;&d;&d;&d;&d;&d;&d;&d;&d;&d;">
<!ENTITY f "&e;&e;&e;&e;&e;&e;&e;&e;&e;&e;"><!ENTITY g "&f;&f;&f;&f;&f;&f;&f;&f;&f;&f;">]>
"""
EXTERNAL = b"""<?xml version="1.0"?><!DOCTYPE bomb [<!ENTITY g SYSTEM "file:///etc/passwd">]>
"""


class Unreadable(Exception):
    """A question that the service does not understand; `why` goes into the fault."""


def question(body: bytes) -> tuple[str, Sought]:
    """The operation and who is sought. Raises Unreadable."""
    operation, found = _fields(body)
    return operation, read_fields(found)


def read_fields(found: Mapping[str, str], needed: Sequence[str] = NEEDED) -> Sought:
    """The same from fields already taken apart, with the document's lengths. Raises Unreadable."""
    for name in needed:
        if not found.get(name):
            raise Unreadable(f"{name} is missing")
    for name, longest in LONGEST.items():
        if len(found.get(name, "")) > longest:
            raise Unreadable(f"{name} is too long")
    born = found.get("NgayThangNamSinh", "")
    sought = Sought(found.get("SoDinhDanh", ""), found.get("SoCMND", ""), found["HoVaTen"], born)
    if not born or not (sought.personal_id or sought.previous_id):
        raise Unreadable("a number and a birth date are needed")
    return sought


def answer(entry: Mapping[str, Any] | None, before: bytes = b"", inside: str = "") -> bytes:
    """The response with one CongDan or none; `before` and `inside` are what a hostile server adds."""
    person = f"<CongDan>{_xml(entry)}{inside}</CongDan>" if entry else inside
    text = (
        f'<soap:Envelope xmlns:soap="{ENVELOPE}"><soap:Header/><soap:Body>'
        f'<{OPERATION}Response xmlns="{RESPONSE}"><CongdanCollection>{person}</CongdanCollection>'
        f"</{OPERATION}Response></soap:Body></soap:Envelope>"
    )
    return (before or b'<?xml version="1.0" encoding="utf-8"?>') + text.encode()


def verified(there: bool) -> bytes:
    """The response to a verification."""
    told = str(there).lower()
    return (
        f'<?xml version="1.0" encoding="utf-8"?><soap:Envelope xmlns:soap="{ENVELOPE}"><soap:Header/><soap:Body>'
        f'<{VERIFICATION}Response xmlns="{RESPONSE}"><KetQuaXacThuc>{told}</KetQuaXacThuc>'
        f"</{VERIFICATION}Response></soap:Body></soap:Envelope>"
    ).encode()


def fault(who: str, why: str) -> bytes:
    """A SOAP fault of the Client or the Server."""
    return (
        f'<?xml version="1.0" encoding="utf-8"?><soap:Envelope xmlns:soap="{ENVELOPE}"><soap:Body><soap:Fault>'
        f"<faultcode>soap:{who}</faultcode><faultstring>{escape(why)}</faultstring>"
        f"</soap:Fault></soap:Body></soap:Envelope>"
    ).encode()


def _xml(value: Mapping[str, Any]) -> str:
    return "".join(
        f"<{name}>{_xml(inner) if isinstance(inner, Mapping) else escape(str(inner))}</{name}>"
        for name, inner in value.items()
    )


def _fields(body: bytes) -> tuple[str, dict[str, str]]:
    """The operation and its children, in order. Raises Unreadable."""
    open_now: list[str] = []
    operations: list[str] = []
    known = [f"{REQUEST} {OPERATION}", f"{REQUEST} {VERIFICATION}"]
    found: dict[str, str] = {}

    def start(name: str, _: Mapping[str, str]) -> None:
        open_now.append(name)
        in_body = open_now[:2] == [f"{ENVELOPE} Envelope", f"{ENVELOPE} Body"]
        inside = in_body and len(open_now) > 2 and open_now[2] in known
        if len(open_now) > MAX_DEPTH or (len(open_now) == 3 and open_now[1] == f"{ENVELOPE} Body" and not inside):
            raise Unreadable("no such operation")
        if inside and len(open_now) == 3:
            operations.append(name.rpartition(" ")[2])
        if inside and len(open_now) == 4:
            _begin(name)

    def _begin(name: str) -> None:
        space, _, field = name.rpartition(" ")
        if space != REQUEST or field not in FIELDS:
            raise Unreadable("no such element")
        if any(FIELDS.index(field) <= FIELDS.index(before) for before in found):
            raise Unreadable(f"{field} is out of order")
        found[field] = ""

    def text(data: str) -> None:
        if len(open_now) >= 4 and found:
            found[list(found)[-1]] += data

    def no_document_type(*_: object) -> None:
        raise Unreadable("a document type is not taken")

    parser = expat.ParserCreate(namespace_separator=" ")
    parser.StartElementHandler = start
    parser.EndElementHandler = lambda _: open_now.pop()
    parser.CharacterDataHandler = text
    parser.StartDoctypeDeclHandler = no_document_type
    try:
        parser.Parse(body, True)
    except expat.ExpatError:
        raise Unreadable("not XML") from None
    if not found:
        raise Unreadable("no operation")
    return operations[0], {name: value.strip() for name, value in found.items()}
