"""What makes a FHIR server no destination for us, found by its CapabilityStatement."""

from hisbridge.errors import DestinationSetup


class FhirWrongVersion(DestinationSetup):
    """The server speaks another version of FHIR than R4 (`version`: as it says, where that is a version)."""

    code = "fhir.wrong_version"


class FhirNoTransactions(DestinationSetup):
    """The server says that it takes no transactions."""

    code = "fhir.no_transactions"


class FhirNoStatement(DestinationSetup):
    """What the address gives at `/metadata` is no CapabilityStatement (`status`): probably not the service base."""

    code = "fhir.no_statement"
