"""The ports of the look-ups: what the bridge process knows of whoever answers for insurance and population."""

from typing import Protocol

from hisbridge.lookups.portal_answer import Asked
from hisbridge.questions import Citizen, CitizenQuestion, Coverage, CoverageQuestion


class InsuranceLookup(Protocol):
    """Asks for a person's insurance. May be used from several threads."""

    def ask(self, question: CoverageQuestion, seconds: float | None = None) -> Coverage:
        """The answer within `seconds` (default: the setting). Never raises for the other side's sake."""
        ...

    def probe(self, seconds: float | None = None) -> None:
        """Ask for nobody, for diagnosis. Raises the PortalError that says why an answer cannot be had."""
        ...

    def asked(self) -> Asked:
        """When and by which kiosk, for a Coverage made now."""
        ...


class PopulationLookup(Protocol):
    """Asks the population register for a person. May be used from several threads."""

    def ask(self, question: CitizenQuestion, seconds: float | None = None) -> Citizen:
        """The answer within `seconds` (default: the setting). Never raises for the other side's sake."""
        ...

    def probe(self, seconds: float | None = None) -> None:
        """Ask for nobody, for diagnosis. Raises the PopulationError that says why an answer cannot be had."""
        ...
