"""Every metric there is: its name, what it is, who tells it, in which labels. What stands in no line here is not told.

Names and units by Prometheus' conventions (prometheus.io/docs/practices/naming). Label values are names of ours:
processes, paths, codes, destinations of the settings; never a person, a text from outside or an address.
"""

from dataclasses import dataclass
from typing import Literal

Kind = Literal["counter", "gauge", "histogram"]
DESK = "desk"  # what the desk finds out itself, of whichever process


@dataclass(frozen=True)
class Metric:
    """`of`: which process may tell it; others' word for it is passed over."""

    name: str
    kind: Kind
    of: str
    help: str
    labels: tuple[str, ...] = ()


METRICS: tuple[Metric, ...] = (
    # Every process, as the desk finds it.
    Metric("tiepdon_up", "gauge", DESK, "Whether the process answers (1) or not (0).", ("process",)),
    Metric("tiepdon_ready", "gauge", DESK, "Whether the process can do its work.", ("process",)),
    Metric(
        "tiepdon_part_ok", "gauge", DESK, "Whether a part that a process needs or uses is well.", ("process", "part")
    ),
    Metric(
        "tiepdon_part_problem",
        "gauge",
        DESK,
        "1 for the code of what is wrong with a part.",
        ("process", "part", "code"),
    ),
    Metric("tiepdon_build_info", "gauge", DESK, "Always 1; the version each process runs.", ("process", "version")),
    Metric("tiepdon_process_start_time_seconds", "gauge", DESK, "When the process began, Unix time.", ("process",)),
    Metric("tiepdon_process_cpu_seconds_total", "counter", DESK, "Time the process has computed.", ("process",)),
    Metric("tiepdon_process_resident_memory_bytes", "gauge", DESK, "Memory the process holds.", ("process",)),
    Metric("tiepdon_process_open_fds", "gauge", DESK, "Files and sockets the process holds open.", ("process",)),
    Metric("tiepdon_process_threads", "gauge", DESK, "Threads of the process.", ("process",)),
    Metric("tiepdon_scrape_duration_seconds", "gauge", DESK, "How long these figures took to gather."),
    # The site's own data.
    Metric("tiepdon_database_size_bytes", "gauge", DESK, "Size of the database file."),
    Metric("tiepdon_database_wal_size_bytes", "gauge", DESK, "Size of the database's write-ahead log."),
    Metric("tiepdon_state_filesystem_size_bytes", "gauge", DESK, "Size of the file system that holds the database."),
    Metric("tiepdon_state_filesystem_avail_bytes", "gauge", DESK, "What is free on it for us."),
    Metric("tiepdon_state_filesystem_readonly", "gauge", DESK, "Whether it is mounted read-only."),
    Metric("tiepdon_upkeep_last_timestamp_seconds", "gauge", DESK, "When it was last done, Unix time.", ("task",)),
    Metric("tiepdon_doctor_report_timestamp_seconds", "gauge", DESK, "When the doctor last looked, Unix time."),
    Metric("tiepdon_doctor_findings", "gauge", DESK, "Findings of the doctor's last report.", ("status",)),
    Metric(
        "tiepdon_doctor_problem", "gauge", DESK, "1 for each finding that warns or fails.", ("probe", "status", "code")
    ),
    # The check-in.
    Metric("tiepdon_checkins_total", "counter", "kiosk", "Check-ins by way and how they ended.", ("path", "outcome")),
    Metric("tiepdon_checkin_duration_seconds", "histogram", "kiosk", "From the first act to the ticket.", ("path",)),
    Metric("tiepdon_commit_duration_seconds", "histogram", "kiosk", "A ticket's durable write, with its wait."),
    Metric("tiepdon_code_wait_duration_seconds", "histogram", "kiosk", "From asking for a code to having read one."),
    Metric("tiepdon_screens_total", "counter", "kiosk", "How often each screen was shown.", ("screen",)),
    Metric("tiepdon_screen_errors_total", "counter", "kiosk", "What screens told as wrong, by code.", ("code",)),
    Metric("tiepdon_screen_showing", "gauge", "kiosk", "1 for the screen that is to stand there now.", ("screen",)),
    Metric("tiepdon_screen_visible", "gauge", "kiosk", "Whether the page last said that it is in view."),
    Metric("tiepdon_screen_heartbeat_age_seconds", "gauge", "kiosk", "Since the page last painted a frame in view."),
    Metric(
        "tiepdon_tickets_printed_total", "counter", "kiosk", "Tickets sent to the printer, by result.", ("outcome",)
    ),
    Metric("tiepdon_kiosk_device_up", "gauge", "kiosk", "Whether the check-in can use a device.", ("device",)),
    # Cards and codes.
    Metric("tiepdon_chip_readings_total", "counter", "reader", "Chip readings by result.", ("outcome",)),
    Metric("tiepdon_chip_reading_duration_seconds", "histogram", "reader", "Duration of a chip reading.", ("outcome",)),
    Metric(
        "tiepdon_codes_total", "counter", "reader", "Codes, lines and digits read, by what came of them.", ("outcome",)
    ),
    Metric("tiepdon_reader_device_up", "gauge", "reader", "Whether a device is there and open.", ("device",)),
    # What leaves the site.
    Metric("tiepdon_deliveries", "gauge", "bridge", "Deliveries in the outbox.", ("destination", "state")),
    Metric(
        "tiepdon_delivery_oldest_age_seconds",
        "gauge",
        "bridge",
        "Age of the oldest that waits, 0: none.",
        ("destination",),
    ),
    Metric("tiepdon_delivery_attempts_total", "counter", "bridge", "Attempts by result.", ("destination", "outcome")),
    Metric("tiepdon_destination_up", "gauge", "bridge", "Whether the last attempt went well.", ("destination",)),
    Metric("tiepdon_destination_paused", "gauge", "bridge", "Whether somebody paused it.", ("destination",)),
    Metric("tiepdon_lookups_total", "counter", "bridge", "Questions by system and answer.", ("system", "outcome")),
    Metric("tiepdon_lookup_duration_seconds", "histogram", "bridge", "From question to answer.", ("system",)),
    Metric("tiepdon_lookup_line_up", "gauge", "bridge", "Whether an outside system is waited for.", ("system",)),
    Metric("tiepdon_open_questions", "gauge", "bridge", "Questions of today that still have no answer."),
    Metric("tiepdon_heartbeats_total", "counter", "bridge", "Signs of life sent, by result.", ("outcome",)),
    Metric("tiepdon_heartbeat_sent_timestamp_seconds", "gauge", "bridge", "When the last was taken, Unix time."),
    Metric(
        "tiepdon_heartbeat_clock_offset_seconds", "gauge", "bridge", "How far its receiver's clock is ahead of ours."
    ),
)
KNOWN = {metric.name: metric for metric in METRICS}
