"""A committed ticket as its paper: which of the settings' names stand on it, in the language it was made in.

Pure. Must not import Flask, a device library or a connector.
"""

from collections.abc import Mapping
from datetime import datetime

from config.settings import Settings
from kiosk.printing.paper import TicketPaper
from kiosk.queue.model import Wait
from kiosk.states import Ticket


def paper_of(
    settings: Settings, ticket: Ticket, language: str, needs_counter: bool, wait: Wait | None = None
) -> TicketPaper:
    """What stands on it. No name and no ID number is known here."""
    service = next((one for one in settings.kiosk.services if one.code == ticket.service_code), None)
    name = place = ""
    if service is not None:
        name = _named(service.name_vi, service.name_en, service.names, language)
        place = _named(service.place_vi, service.place_en, service.places, language)
    return TicketPaper(
        number=ticket.number,
        service=name,
        place=place,
        kiosk=settings.site.kiosk_id,
        site=settings.site.facility_name,
        issued_at=datetime.fromisoformat(ticket.issued_at),
        code=ticket.ticket_id,
        language=language,
        ahead=wait.ahead if wait is not None else None,
        least_minutes=wait.least_minutes if wait is not None else None,
        most_minutes=wait.most_minutes if wait is not None else None,
        needs_counter=needs_counter,
        synthetic=settings.site.synthetic,
    )


def _named(vietnamese: str, english: str, further: Mapping[str, str], language: str) -> str:
    return {**further, "en": english}.get(language) or vietnamese
