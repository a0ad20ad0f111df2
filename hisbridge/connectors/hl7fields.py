"""The settings' table `fields` done to a message: single fields moved, fixed or left out, without code. Pure."""

from collections.abc import Sequence

from config.destinations.hl7_fields import Place, Rule
from hisbridge.connectors.hl7text import Segment


def apply(segments: Sequence[Segment], rules: Sequence[Rule]) -> list[Segment]:
    """The message after the table. Every move takes what stood there before, so two fields can change places.

    A segment of a standard name is never created, one of the receiver's own (Z..) is, at the end.
    """
    if not rules:
        return list(segments)
    before = [Segment(segment.name, dict(segment.fields)) for segment in segments]
    after = [Segment(segment.name, dict(segment.fields)) for segment in segments]
    for rule in rules:
        if rule.text is None:
            for segment in _named(after, rule.at.segment):
                _write(segment, rule.at, [""] * _repetitions(segment, rule.at))
    for rule in rules:
        if rule.to is not None:
            _move(before, after, rule.at, rule.to)
    for rule in rules:
        if rule.text is not None:
            for segment in _targets(after, rule.at, rule.text):
                _write(segment, rule.at, [rule.text] * _repetitions(segment, rule.at))
    return after


def _move(before: Sequence[Segment], after: list[Segment], at: Place, to: Place) -> None:
    sources = _named(before, at.segment)
    if at.segment == to.segment:
        # Each segment of the name (a second IN1) keeps its own values.
        pairs = list(zip(sources, _named(after, to.segment), strict=True))
    else:
        value = next((source for source in sources if any(_read(source, at))), None)
        told = "" if value is None else value.name
        pairs = [(value, target) for target in _targets(after, to, told)] if value is not None else []
    for source, target in pairs:
        values = _read(source, at)
        if at.field != to.field or at.segment != to.segment:
            values = ["~".join(values)] if to.component is None else values[:1]
        if any(values):
            _write(target, to, values)


def _named(segments: Sequence[Segment], name: str) -> list[Segment]:
    return [segment for segment in segments if segment.name == name]


def _targets(segments: list[Segment], place: Place, value: str) -> list[Segment]:
    found = _named(segments, place.segment)
    if not found and place.local and value:
        found = [Segment(place.segment, {})]
        segments += found
    return found


def _repetitions(segment: Segment, place: Place) -> int:
    return 1 if place.component is None else len(segment.fields.get(place.field, "").split("~"))


def _read(segment: Segment, place: Place) -> list[str]:
    """The field as one value, or the component of each of its repetitions."""
    field = segment.fields.get(place.field, "")
    if place.component is None:
        return [field]
    return [_component(repetition, place.component) for repetition in field.split("~")]


def _component(repetition: str, number: int) -> str:
    parts = repetition.split("^")
    return parts[number - 1] if len(parts) >= number else ""


def _write(segment: Segment, place: Place, values: Sequence[str]) -> None:
    if place.component is None:
        segment.fields[place.field] = "~".join(values)
        return
    repetitions = segment.fields.get(place.field, "").split("~")
    for number, value in enumerate(values[: len(repetitions)]):
        parts = repetitions[number].split("^")
        parts += [""] * (place.component - len(parts))
        parts[place.component - 1] = value
        repetitions[number] = "^".join(parts).rstrip("^")
    segment.fields[place.field] = "~".join(repetitions)
