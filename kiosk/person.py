"""Whoever is on the screen: the reading that a state stands for, also below the question why they go first.

Pure, like `moves.py`. Must not import Flask, a device library or a connector.
"""

from dataclasses import replace

from kiosk.states import AskConsent, AskInsurance, ChoosePriority, ChooseService, Confirm, Finishing, Session
from reader.reading import Reading, Source

Known = AskConsent | Confirm | ChooseService | Finishing


def known(session: Session) -> Known | None:
    """The state that holds the reading while a better one may still take its place; None: there is no such state."""
    state = session.state.back if isinstance(session.state, ChoosePriority) else session.state
    return state if isinstance(state, Known) else None


def knowing(session: Session, now_known: Known) -> Session:
    """The session with that state where it stood; the screen stays."""
    state = session.state
    if isinstance(state, ChoosePriority) and isinstance(now_known, Confirm | ChooseService):
        return replace(session, state=replace(state, back=now_known))
    return replace(session, state=now_known)


def by_chip_on_screen(session: Session) -> bool:
    """Whether data read from a card stand on the screen, waiting for what the person says."""
    state = session.state
    holds: Known | AskInsurance | None = state if isinstance(state, AskInsurance) else known(session)
    reading: Reading | None = None if holds is None or isinstance(holds, Finishing) else holds.reading
    return reading is not None and reading.evidence.source is Source.CHIP
