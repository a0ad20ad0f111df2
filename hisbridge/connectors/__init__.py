"""One file per outside system: `render` a PatientRecord, `send` it, `probe` the destination.

A new system is one new file and one line in CONNECTORS.
"""

from collections.abc import Callable, Mapping
from typing import Any

from config.destinations import Destination
from hisbridge.connectors.contract import Connector
from hisbridge.connectors.hl7v2 import Hl7v2Connector
from hisbridge.errors import UnknownConnector

# Each takes the settings of its own kind; `connector` in them chose it.
ConnectorFactory = Callable[[Any], Connector]

CONNECTORS: Mapping[str, ConnectorFactory] = {"hl7v2": Hl7v2Connector}


def make(destination: Destination) -> Connector:
    """The connector of a destination. Raises UnknownConnector."""
    factory = CONNECTORS.get(destination.connector)
    if factory is None:
        raise UnknownConnector(name=destination.connector, known=", ".join(sorted(CONNECTORS)))
    return factory(destination)
