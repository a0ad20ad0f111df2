"""What a site decides about its queues, as one immutable value."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date

from config.front import RECEPTION, CounterPlace, ServiceSettings
from config.settings import Settings
from hisbridge.records import PatientRecord
from kiosk.queue.model import DECLARED, Place, Priority, PriorityBy, Standing
from kiosk.queue.priority import by_age, sort_at, stronger

ONLY_COUNTER = "1"
RECEPTION_MINUTES = 4


@dataclass(frozen=True)
class Rules:
    """`counters` by code; without any in the settings there is one that serves everything."""

    services: Mapping[str, ServiceSettings]
    counters: Mapping[str, CounterPlace]
    head_start_minutes: Mapping[str, int] = field(default_factory=dict)
    calls_until_missed: int = 3
    requeue_behind: int = 5
    requeue_times: int = 1
    undo_seconds: float = 120.0
    utc_offset_minutes: int = 420

    def served(self, queue: str) -> bool:
        """Whether any counter calls from this queue."""
        return any(queue in counter.queues for counter in self.counters.values())

    def first_queue(self, service_code: str, needs_counter: bool) -> str:
        """Where a new ticket waits: at reception while its record must be completed, else for its service."""
        if self.served(RECEPTION) and (needs_counter or not self.served(service_code)):
            return RECEPTION
        return service_code

    def onward(self, service_code: str, first_queue: str) -> str:
        """The queue that follows reception; empty where none does."""
        return service_code if first_queue == RECEPTION and self.served(service_code) else ""

    def follows(self, place: Place, counter: str) -> str:
        """Where somebody waits next who is done at this counter; empty where nowhere.

        A counter that does both reception and service has done both: nobody is called twice to the same place.
        """
        onward = place.onward if place.queue == RECEPTION else ""
        return onward if self.served(onward) and onward not in self.counters[counter].queues else ""

    def usual_seconds(self, queue: str, counter: str | None = None) -> float:
        """Between two calls of a queue, by the catalogue: one person's time, shared by the counters that call it.

        With a counter: between two calls of that one.
        """
        callers = sum(queue in one.queues for one in self.counters.values()) if counter is None else 1
        service = self.services.get(queue)
        minutes = service.minutes if service is not None else RECEPTION_MINUTES
        return 60.0 * minutes / max(callers, 1)


def first_place(
    rules: Rules,
    service_code: str,
    needs_counter: bool,
    issued: int,
    declared: Priority,
    record: PatientRecord | None,
    today: date,
) -> Place:
    """Where a new ticket waits: its queue, and its moment by what the person is known or says to be.

    What age gives is certain; what somebody declares counts at once and is confirmed by staff.
    """
    aged = by_age(record.patient.birth_date, today) if record is not None else Priority.NONE
    priority = stronger(aged, declared if declared in DECLARED else Priority.NONE, rules.head_start_minutes)
    by = None if priority is Priority.NONE else PriorityBy.AGE if priority is aged else PriorityBy.PERSON
    return Place(
        standing=Standing.WAITING,
        queue=rules.first_queue(service_code, needs_counter),
        sort_at=sort_at(issued, priority, rules.head_start_minutes),
        priority=priority,
        priority_by=by,
        confirmed=by is PriorityBy.AGE,
    )


def rules_of(settings: Settings) -> Rules:
    """The rules a site's settings describe."""
    services = {service.code: service for service in settings.kiosk.services}
    counters = {counter.code: counter for counter in settings.queue.counters}
    if not counters:
        everything = CounterPlace(
            code=ONLY_COUNTER, name_vi="Quầy 1", name_en="Counter 1", queues=(RECEPTION, *services)
        )
        counters = {ONLY_COUNTER: everything}
    queue = settings.queue
    return Rules(
        services=services,
        counters=counters,
        head_start_minutes={str(group): minutes for group, minutes in queue.head_start_minutes.items()},
        calls_until_missed=queue.calls_until_missed,
        requeue_behind=queue.requeue_behind,
        requeue_times=queue.requeue_times,
        undo_seconds=queue.undo_seconds,
        utc_offset_minutes=settings.site.utc_offset_minutes,
    )
