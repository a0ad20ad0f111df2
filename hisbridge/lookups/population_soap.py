"""The register's two questions as SOAP 1.1: the envelope sent and the one that comes back (services.md 4.2 to 4.4).

Written by hand, see docs/decisions/0009: two operations of one fixed form need no WSDL.
"""

from config.settings import PopulationSettings
from hisbridge.http import Answer
from hisbridge.lookups.population_access import Access, header, refuse_status
from hisbridge.lookups.population_errors import (
    PopulationError,
    PopulationFault,
    PopulationGarbled,
    PopulationNotAllowed,
    PopulationNotConfigured,
    PopulationRequestRefused,
)
from hisbridge.lookups.population_question import Sought
from hisbridge.soap import body_of, document, fault_of
from hisbridge.xml import Node, XmlRefused, element, escaped, read

SOAP = "http://schemas.xmlsoap.org/soap/envelope/"
REGISTER = "http://dancuquocgia.bca"
OPERATIONS = {"look_up": "TraCuuThongTinCongDan", "verify": "XacThucThongTinCongDan"}
CONTENT_TYPE = "text/xml; charset=utf-8"

# SOAP 1.1, 4.4.1 and what SOAP 1.2 calls it: the message itself was wrong, sending it again does not help.
_OURS = ("client", "sender", "versionmismatch", "mustunderstand", "dataencodingunknown")
# X-Road's word for a service that was not granted, and WS-Security's for an account that is not believed.
_SHUT_OUT = ("accessdenied", "failedauthentication")


class SoapTransport:
    """The register behind a SOAP address, let in by X-Road or by an LGSP's token."""

    def __init__(self, settings: PopulationSettings, access: Access) -> None:
        self._settings = settings
        self._access = access

    def answer(self, sought: Sought, deadline: float) -> Node:
        """What the register says about this number, name and birth date. Raises a PopulationError."""
        settings = self._settings
        asked = envelope(sought, OPERATIONS[settings.operation])
        headers = {"SOAPAction": action(settings.soap_action), "Accept": "text/xml"}
        return content(self._access.send(asked, CONTENT_TYPE, headers, deadline))


def action(name: str) -> str:
    """The header SOAPAction, empty where the address tells it (SOAP 1.1, 6.1.1). Raises PopulationNotConfigured."""
    if '"' in name:
        raise PopulationNotConfigured(key="population.soap_action")
    return f'"{header(name, "population.soap_action")}"' if name else '""'


def envelope(sought: Sought, operation: str) -> bytes:
    """The request. Its elements stand in the order of services.md 4.3, which some gateways insist on."""
    fields = (
        ("MaYeuCau", sought.request_id),
        ("MaDVC", sought.procedure_code),
        ("MaTichHop", sought.integration_code),
        ("MaCanBo", sought.officer),
        ("MaDonVi", sought.agency_code),
        ("TaiKhoan", sought.account),
        ("SoDienThoai", sought.phone),
        ("SoDinhDanh", sought.personal_id),
        ("SoCMND", sought.previous_id),
        ("HoVaTen", sought.name),
    )
    born = _field("NgayThangNam", sought.birth_day) + _field("Nam", sought.birth_year)
    told = "".join(_field(name, text) for name, text in fields) + element("NgayThangNamSinh", born, "dc")
    body = element("Body", element(operation, told, "dc"), "soapenv")
    return (
        '<?xml version="1.0" encoding="UTF-8"?>'
        f'<soapenv:Envelope xmlns:soapenv="{SOAP}" xmlns:dc="{REGISTER}"><soapenv:Header/>{body}</soapenv:Envelope>'
    ).encode()


def content(answer: Answer) -> Node:
    """The body of an answer that is no fault. Raises a PopulationError."""
    try:
        root = read(document(answer))
    except XmlRefused as error:
        refuse_status(answer.status)
        raise PopulationGarbled(why=error.data["why"]) from None
    body = body_of(root)
    # A fault comes with HTTP 500 (SOAP 1.1, 6.2); some gateways send it with 200.
    if body is not None and (fault := fault_of(body)) is not None:
        raise _refusal(fault)
    refuse_status(answer.status)
    if body is None:
        raise PopulationGarbled(why="no envelope")
    if any(node.text.startswith("<") for node in body.walk()):
        raise PopulationGarbled(why="a document as text")
    return body


def _refusal(fault: Node) -> PopulationError:
    """What a fault means; its text, in whatever form, goes no further."""
    codes = [node.text for node in fault.walk() if node.name in ("faultcode", "value") and node.text]
    steps = codes[0].rpartition(":")[2].strip().lower().split(".") if codes else [""]
    # SOAP 1.2 puts the finer word into a subcode, SOAP 1.1 behind a point or alone.
    if any(code.rpartition(":")[2].strip().lower().rpartition(".")[2] in _SHUT_OUT for code in codes[:2]):
        return PopulationNotAllowed()
    return PopulationRequestRefused() if steps[0] in _OURS else PopulationFault()


def _field(name: str, text: str | None) -> str:
    return element(name, escaped(text), "dc") if text else ""
