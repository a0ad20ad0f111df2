"""One file per outside system: `render` a PatientRecord, `send` it, `probe` the destination.

A new system is one new file and one line in CONNECTORS.
"""

from collections.abc import Callable, Mapping
from typing import Any

from config.destinations import Destination
from hisbridge.connectors.checkin_xml import CheckinXmlConnector
from hisbridge.connectors.contract import Connector
from hisbridge.connectors.fhir import FhirConnector
from hisbridge.connectors.file_drop import FileDropConnector
from hisbridge.connectors.hl7v2 import Hl7v2Connector
from hisbridge.connectors.local_agent import LocalAgentConnector
from hisbridge.connectors.registration import RegistrationConnector
from hisbridge.connectors.rest import RestConnector
from hisbridge.connectors.webhook import WebhookConnector
from hisbridge.errors import UnknownConnector

# Each takes the settings of its own kind; `connector` in them chose it.
ConnectorFactory = Callable[[Any], Connector]

CONNECTORS: Mapping[str, ConnectorFactory] = {
    "hl7v2": Hl7v2Connector,
    "fhir": FhirConnector,
    "file_drop": FileDropConnector,
    "checkin_xml": CheckinXmlConnector,
    "local_agent": LocalAgentConnector,
    "rest": RestConnector,
    "webhook": WebhookConnector,
    "dangky_kcb": RegistrationConnector,
}


def make(destination: Destination) -> Connector:
    """The connector of a destination. Raises UnknownConnector."""
    factory = CONNECTORS.get(destination.connector)
    if factory is None:
        raise UnknownConnector(name=destination.connector, known=", ".join(sorted(CONNECTORS)))
    return factory(destination)
