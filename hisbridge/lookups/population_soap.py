"""TraCuuThongTinCongDan as SOAP 1.1: the envelope that is sent and the one that comes back (services.md 4.2 to 4.4).

Written by hand, see docs/decisions/0009: one operation of one fixed form needs no WSDL.
"""

from hisbridge.http import Answer
from hisbridge.lookups.population_access import Access, refuse_status
from hisbridge.lookups.population_answer import Entry, entries
from hisbridge.lookups.population_errors import (
    PopulationError,
    PopulationFault,
    PopulationGarbled,
    PopulationNotAllowed,
    PopulationRequestRefused,
)
from hisbridge.lookups.population_question import Sought
from hisbridge.xml import Node, XmlRefused, element, escaped, read

SOAP = "http://schemas.xmlsoap.org/soap/envelope/"
REGISTER = "http://dancuquocgia.bca"
OPERATION = "TraCuuThongTinCongDan"
CONTENT_TYPE = "text/xml; charset=utf-8"
# SOAP 1.1, 6.1.1: no operation's action is documented, and the empty one says that the address tells it.
HEADERS = {"SOAPAction": '""', "Accept": "text/xml"}

# SOAP 1.1, 4.4.1 and what SOAP 1.2 calls it: the message itself was wrong, sending it again does not help.
_OURS = ("client", "sender", "versionmismatch", "mustunderstand")


class SoapTransport:
    """The register behind a SOAP address, let in by X-Road or by an LGSP's token."""

    def __init__(self, access: Access) -> None:
        self._access = access

    def people(self, sought: Sought, deadline: float) -> tuple[Entry, ...]:
        """Whom the register holds under this number, name and birth date. Raises a PopulationError."""
        return understood(self._access.send(envelope(sought), CONTENT_TYPE, HEADERS, deadline))


def envelope(sought: Sought) -> bytes:
    """The request. Its elements stand in the order of services.md 4.3, which some gateways insist on."""
    fields = (
        ("MaYeuCau", sought.request_id),
        ("MaDVC", sought.procedure_code),
        ("MaTichHop", sought.integration_code),
        ("MaCanBo", sought.officer),
        ("MaDonVi", sought.agency_code),
        ("SoDinhDanh", sought.personal_id),
        ("SoCMND", sought.previous_id),
        ("HoVaTen", sought.name),
    )
    born = _field("NgayThangNam", sought.birth_day) + _field("Nam", sought.birth_year)
    content = "".join(_field(name, text) for name, text in fields) + element("NgayThangNamSinh", born, "dc")
    body = element("Body", element(OPERATION, content, "dc"), "soapenv")
    return (
        '<?xml version="1.0" encoding="UTF-8"?>'
        f'<soapenv:Envelope xmlns:soapenv="{SOAP}" xmlns:dc="{REGISTER}"><soapenv:Header/>{body}</soapenv:Envelope>'
    ).encode()


def understood(answer: Answer) -> tuple[Entry, ...]:
    """The persons in an answer. Raises a PopulationError."""
    try:
        root = read(answer.body)
    except XmlRefused as error:
        refuse_status(answer.status)
        raise PopulationGarbled(why=error.data["why"]) from None
    bodies = root.named("body") if root.name == "envelope" else []
    if len(bodies) == 1:
        # A fault comes with HTTP 500 (SOAP 1.1, 6.2); some gateways send it with 200.
        for fault in bodies[0].named("fault"):
            raise _refusal(fault)
    refuse_status(answer.status)
    if len(bodies) != 1:
        raise PopulationGarbled(why="no envelope")
    if any(node.text.startswith("<") for node in bodies[0].walk()):
        raise PopulationGarbled(why="a document as text")
    return entries(bodies[0])


def _refusal(fault: Node) -> PopulationError:
    """What a fault means; its text, in whatever form, goes no further."""
    code = next((node.text for node in fault.walk() if node.name in ("faultcode", "value") and node.text), "")
    steps = code.rpartition(":")[2].strip().lower().split(".")
    if steps[-1] == "accessdenied":  # X-Road's word for a service that was not granted
        return PopulationNotAllowed()
    return PopulationRequestRefused() if steps[0] in _OURS else PopulationFault()


def _field(name: str, text: str | None) -> str:
    return element(name, escaped(text), "dc") if text else ""
