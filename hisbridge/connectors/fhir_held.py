"""What of ours is laid over what the receiver holds, so that a conditional update takes nothing away. Pure.

A FHIR update replaces the whole resource: sent as it is, it would delete the hospital's own record number, telephone
and everything else the kiosk does not know. So the resource is read first, and only the elements the kiosk owns change.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from hisbridge.connectors.fhir_types import Json

# Encounters that a mistaken check-in may still take back; in any later status care has begun.
_CANCELLABLE = ("planned", "arrived", "triaged", "cancelled", "entered-in-error", "unknown")
# Appointments at which a person can arrive.
_EXPECTED = ("proposed", "pending", "booked", "arrived", "checked-in", "waitlist")
_VISIT = ("type", "serviceType", "reasonCode")
_COVER = ("status", "period", "network")


class Refused(Exception):
    """The receiver's own state does not allow the change (`why`: a code): a person has to look."""

    def __init__(self, why: str) -> None:
        super().__init__(why)
        self.why = why


def overlaid(held: Mapping[str, Any], ours: Mapping[str, Any]) -> Json:
    """The resource to write: what is held, with the elements of ours that the kiosk owns. Raises Refused."""
    match ours["resourceType"]:
        case "Patient":
            told = _linked(held, ours) if "link" in ours else _identified(held, ours)
        case "Encounter":
            told = _visit(held, ours)
        case "Appointment":
            told = {"status": "arrived"} if held.get("status") in _EXPECTED else {}
        case _:
            told = _cover(held, ours)
    changed = {name: value for name, value in {**held, **told}.items() if value != []}
    if changed != dict(held) and _text_status(held) == "generated":
        del changed["text"]  # words made of the old content would contradict the new one
    return changed


def _identified(held: Mapping[str, Any], ours: Mapping[str, Any]) -> Json:
    """What the chip proves: name, birth date, sex; nothing known better there becomes coarser. To a Patient of our own
    making, whom only a temporary identifier names, also the numbers that are known since."""
    told: Json = {}
    numbers, ours_too = _list(held.get("identifier")), _list(ours.get("identifier"))
    if any(one.get("use") == "temp" for one in ours_too):
        new = [one for one in ours_too if not any(_same(number, one) for number in numbers)]
        told |= {"identifier": [*numbers, *new]} if new else {}
    names = [one for one in _list(held.get("name")) if isinstance(one, dict)]
    for name in _list(ours.get("name")):
        official = next((one for one in names if one.get("use") == "official"), None)
        others = [one for one in names if one is not official]
        # Whatever else the official name holds, such as its own idea of the parts, goes with it.
        told["name"] = [official if official and _says(official, name) else name, *others]
    if (born := ours.get("birthDate")) and not str(held.get("birthDate", "")).startswith(f"{born}-"):
        told["birthDate"] = born
    if ours.get("gender") in ("male", "female"):
        told["gender"] = ours["gender"]
    return told


def _says(held: Mapping[str, Any], ours: Mapping[str, Any]) -> bool:
    return all(held.get(part) == value for part, value in ours.items())


def _linked(held: Mapping[str, Any], ours: Mapping[str, Any]) -> Json:
    links = _list(held.get("link"))
    others = [one["other"].get("reference") for one in links if isinstance(one, dict) and _is_object(one.get("other"))]
    added = [one for one in ours["link"] if one["other"]["reference"] not in others]
    numbers = _list(held.get("identifier"))
    named = [one for one in numbers if any(_same(one, ours_one) for ours_one in _list(ours.get("identifier")))]
    if ours["active"]:
        if any(isinstance(one, dict) and one.get("type") == "replaced-by" for one in links):
            raise Refused("kept_was_replaced")
        own = [] if named else _list(ours.get("identifier"))
        return {"link": [*links, *added], **({"identifier": [*numbers, *own]} if own else {})}
    left = [one for one in numbers if one not in named]
    return {"active": False, "link": [*links, *added], **({"identifier": left} if named else {})}


def _same(one: Any, other: Mapping[str, Any]) -> bool:
    return isinstance(one, dict) and all(one.get(part) == other.get(part) for part in ("system", "value"))


def _visit(held: Mapping[str, Any], ours: Mapping[str, Any]) -> Json:
    if ours["status"] == "cancelled":
        if held.get("status") not in _CANCELLABLE:
            raise Refused("care_has_begun")
        return {} if held.get("status") in ("cancelled", "entered-in-error") else {"status": "cancelled"}
    # Never the status: by now the hospital knows better how far the visit is.
    return {name: ours[name] for name in _VISIT if name in ours}


def _cover(held: Mapping[str, Any], ours: Mapping[str, Any]) -> Json:
    """What the insurer has just confirmed; an end or beginning that it did not tell stays."""
    if held.get("status") == "entered-in-error":
        return {}
    told = {name: ours[name] for name in _COVER if name in ours}
    if "period" in told and isinstance(held.get("period"), dict):
        told["period"] = {**held["period"], **told["period"]}
    return told


def renamed(resource: Any, names: Mapping[str, str]) -> Any:
    """The resource with references to entries of this bundle made literal."""
    if isinstance(resource, dict):
        return {
            key: names.get(value, value) if key == "reference" and isinstance(value, str) else renamed(value, names)
            for key, value in resource.items()
        }
    if isinstance(resource, list):
        return [renamed(one, names) for one in resource]
    return resource


def _is_object(value: Any) -> bool:
    return isinstance(value, dict)


def _text_status(held: Mapping[str, Any]) -> Any:
    narrative = held.get("text")
    return narrative.get("status") if isinstance(narrative, dict) else None


def _list(value: Any) -> Sequence[Any]:
    return value if isinstance(value, list) else []
