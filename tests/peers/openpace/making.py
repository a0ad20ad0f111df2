"""A sandbox card's files and secrets as OpenPACE's card takes them: what it is, never how it answers."""

from functools import cache
from typing import Any

from sandbox.card import identifiers, image, kinds
from sandbox.card.image import CardImage
from sandbox.card.parameters import NAMES
from sandbox.card.spec import Kind
from sandbox.card.trust import Authority
from sandbox.people import find
from sandbox.portrait import jpeg

_NUMBERS = {name: number for number, name in NAMES.items()}
_TD1 = 90  # characters in three lines; libeac knows no other machine-readable zone


@cache
def card_of(kind: Kind | str, person: str, authority: Authority) -> CardImage:
    """The card of a person, made once for each kind."""
    return kinds.build(kind, find(person), _portrait(person), authority)


def zone_of(card: CardImage) -> str:
    """The lines of the machine-readable zone as one string."""
    return card.files[image.DG1][5:].decode()


def settings_of(card: CardImage) -> dict[str, Any]:
    """The settings of card.py for this card: the first PACE it offers, its passwords, its keys."""
    offer, zone = card.access.pace[0], zone_of(card)
    return {
        "can": card.can,
        "mrz": zone if len(zone) == _TD1 else None,
        "protocol": identifiers.pace(offer),
        "parameters": offer.parameters,
        "chip_keys": [
            (identifiers.chip_authentication(key.group, cipher), _NUMBERS[key.group], key.private.hex(), key.key_id)
            for key in card.chip_authentication
            for cipher in key.ciphers
        ],
    }


@cache
def _portrait(person: str) -> bytes | None:
    whose = find(person)
    return jpeg(whose) if whose.portrait else None
