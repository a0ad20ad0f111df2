"""What a site decides about the check-in: every limit and choice the state machine obeys, as one immutable value.

Must not import Flask, a device library or a connector.
"""

from dataclasses import dataclass

from config.front import Device
from config.settings import Settings

LANGUAGES = ("vi", "en")
CHIP_MARGIN_SECONDS = 3.0  # the reader gives up first and says why; this is for a reader that says nothing
ALONE = 1.5  # times a ticket stands longer that is on no paper
MRZ_MARGIN_SECONDS = 5.0  # the same for the look for the machine-readable lines


@dataclass(frozen=True)
class Policy:
    """Limits in seconds and counts; see `config/default.toml` for their meaning to a site."""

    language: str = "vi"
    languages: tuple[str, ...] = LANGUAGES
    idle_seconds: float = 60.0
    warning_seconds: float = 20.0
    ticket_seconds: float = 20.0
    ticket_alone_seconds: float = 30.0  # the same for a number that is on no paper: its only copy
    ticket_least_seconds: float = 5.0  # a ticket stays this long even when the next card is already there
    notice_seconds: float = 10.0
    coverage_deadline_seconds: float = 4.0
    answer_wait_seconds: float = 0.0  # so long a ticket waits for the hospital's own number and room
    chip_seconds: float = 20.0 + CHIP_MARGIN_SECONDS
    chip_attempts: int = 2  # the chip is not asked again in this presentation after so many failures
    code_attempts: int = 2  # after so many codes of no use the next path is offered unasked
    line_attempts: int = 2  # the same for the look for the machine-readable lines
    digit_attempts: int = 2  # and for digits typed wrong
    insurance_attempts: int = 2  # so often the insurance card's number is asked for
    mrz_idle_seconds: float = 60.0  # as `idle_seconds`, but never shorter than the camera's look
    mrz_offer_seconds: float = 5.0  # a code not read in this time may be worn: the lines on the back are offered
    goodbye_seconds: float = 6.0  # its words take up to 4.4 to say
    offered: tuple[str, ...] = ()  # codes of the services to choose from; one or none: nothing is asked
    without_identity: frozenset[str] = frozenset()  # of all services, those whose number is given without a card
    consent_version: str = ""  # of the text that must be agreed to; empty: none is asked for
    required: frozenset[Device] = frozenset()  # without one of these the kiosk is out of order
    printer: bool = False  # whether there is one
    print_again: int = 2  # so many further copies of a ticket a person may have
    grace_seconds: float = 20.0  # so long after its start no device is missed: each tells of itself first
    again_seconds: float = 10.0  # a code last seen so long ago was taken away: held up now, it is held up anew


def policy_of(settings: Settings) -> Policy:
    """The policy a site's settings describe."""
    kiosk = settings.kiosk
    return Policy(
        language=kiosk.language,
        languages=kiosk.display.languages,
        offered=tuple(service.code for service in kiosk.services if service.offered and service.identity),
        without_identity=frozenset(service.code for service in kiosk.services if not service.identity),
        consent_version=kiosk.consent.version if kiosk.consent.enabled else "",
        required=frozenset(kiosk.required_devices),
        printer=kiosk.printer.kind != "none",
        idle_seconds=kiosk.idle_seconds,
        warning_seconds=kiosk.warning_seconds,
        ticket_seconds=kiosk.ticket_seconds,
        ticket_alone_seconds=kiosk.ticket_seconds * ALONE,
        ticket_least_seconds=min(Policy.ticket_least_seconds, kiosk.ticket_seconds),
        coverage_deadline_seconds=kiosk.coverage_deadline_seconds,
        answer_wait_seconds=kiosk.answer_wait_seconds if settings.destinations else 0.0,
        chip_seconds=settings.reader.timeout_seconds + CHIP_MARGIN_SECONDS,
        mrz_idle_seconds=max(kiosk.idle_seconds, settings.reader.mrz_seconds + MRZ_MARGIN_SECONDS),
    )
