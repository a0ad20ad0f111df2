"""The settings of each kind of destination, one file for each connector; `connector` tells which kind is meant."""

from config.destinations.base import Destination, HttpDestination
from config.destinations.desk import DeskDestination
from config.destinations.fhir import FhirDestination
from config.destinations.files import CheckinXmlDestination, FileDropDestination
from config.destinations.hl7v2 import Hl7v2Destination
from config.destinations.local_agent import LocalAgentDestination
from config.destinations.rest import RestDestination
from config.destinations.webhook import RegistrationDestination, WebhookDestination

DestinationSettings = (
    Hl7v2Destination
    | FhirDestination
    | RestDestination
    | WebhookDestination
    | RegistrationDestination
    | FileDropDestination
    | CheckinXmlDestination
    | LocalAgentDestination
    | DeskDestination
)

__all__ = [
    "CheckinXmlDestination",
    "DeskDestination",
    "Destination",
    "DestinationSettings",
    "FhirDestination",
    "FileDropDestination",
    "Hl7v2Destination",
    "HttpDestination",
    "LocalAgentDestination",
    "RegistrationDestination",
    "RestDestination",
    "WebhookDestination",
]
