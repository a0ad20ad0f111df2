"""One file per outside system: `render` a PatientRecord, `send` it, `probe` the destination.

A new system is one new file and one line in CONNECTORS. A connector is loaded when a destination wants it: all of them
together cost a command that needs none a third of a second.
"""

import importlib
from collections.abc import Mapping

from config.destinations import Destination
from hisbridge.connectors.contract import Connector
from hisbridge.errors import UnknownConnector

# The module below this package, and its class; each takes the settings of its own kind.
CONNECTORS: Mapping[str, tuple[str, str]] = {
    "hl7v2": ("hl7v2", "Hl7v2Connector"),
    "fhir": ("fhir", "FhirConnector"),
    "file_drop": ("file_drop", "FileDropConnector"),
    "checkin_xml": ("checkin_xml", "CheckinXmlConnector"),
    "local_agent": ("local_agent", "LocalAgentConnector"),
    "rest": ("rest", "RestConnector"),
    "webhook": ("webhook", "WebhookConnector"),
    "dangky_kcb": ("registration", "RegistrationConnector"),
    "desk": ("desk", "DeskConnector"),
}


def make(destination: Destination) -> Connector:
    """The connector of a destination. Raises UnknownConnector."""
    if destination.connector not in CONNECTORS:
        raise UnknownConnector(name=destination.connector, known=", ".join(sorted(CONNECTORS)))
    module, name = CONNECTORS[destination.connector]
    factory = getattr(importlib.import_module(f"{__name__}.{module}"), name)
    connector: Connector = factory(destination)
    return connector
