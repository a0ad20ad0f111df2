"""What every column of the database holds, for what, and for how long: one table, which the purge carries out, the
privacy sheet prints (docs/privacy.md) and a test compares with the schema.

Must not import Flask, a device library or a connector.
"""

from dataclasses import dataclass
from enum import StrEnum

from kiosk.legal_basis import Purpose


class Term(StrEnum):
    """How long a row stays: by which setting of `retention`, counted from its own day."""

    VISIT = "visit_days"  # undelivered ones up to `undelivered_days`
    AUDIT = "audit_days"
    PROOF = "consent_days"
    OVER = "until it is over"
    USE = "as long as it is used"
    REPORT = "ten years"


class How(StrEnum):
    """How a row goes."""

    WITH_VISIT = "with its visit"
    OWN_DAY = "by its own day"
    ANCHOR = "behind a sealed anchor"
    OVER = "when it is over"
    STAYS = "stays"


@dataclass(frozen=True)
class Rule:
    """One table. Columns by what they hold: `persons` a person's own data; `references` what leads to a person only
    through another row or the database's key; `staff` who of the staff; `secrets` hashes of secrets; `plain` nothing of
    anybody."""

    table: str
    purpose: Purpose
    term: Term
    how: How
    persons: str = ""
    references: str = ""
    staff: str = ""
    secrets: str = ""
    plain: str = ""

    @property
    def columns(self) -> list[str]:
        """Every column this rule speaks of."""
        return " ".join((self.persons, self.references, self.staff, self.secrets, self.plain)).split()


RULES: tuple[Rule, ...] = (
    Rule(
        "visits",
        Purpose.CHECK_IN,
        Term.VISIT,
        How.WITH_VISIT,
        persons="record",
        references="id presentation",
        plain="created_at service_code source verdict",
    ),
    Rule(
        "corrections",
        Purpose.CHECK_IN,
        Term.VISIT,
        How.WITH_VISIT,
        persons="before after",
        references="visit_id",
        staff="officer_name officer_id account",
        plain="id at field reason",
    ),
    Rule(
        "sought",
        Purpose.CHECK_IN,
        Term.VISIT,
        How.WITH_VISIT,
        persons="word",
        references="visit_id",
        plain="day",
    ),
    Rule(
        "deliveries",
        Purpose.CHECK_IN,
        Term.VISIT,
        How.WITH_VISIT,
        persons="payload answer receipt known known_visit person_key",
        references="record_id idempotency_key",
        plain="id destination state attempts render_failures next_attempt_at created_at finished_at last_error"
        " revision event suspicion receiver_tries open_work doubtful",
    ),
    Rule(
        "hospital_answers",
        Purpose.CHECK_IN,
        Term.VISIT,
        How.WITH_VISIT,
        persons="answer",
        references="visit_id",
        plain="seq destination answered_at",
    ),
    Rule(
        "visit_answers",
        Purpose.CHECK_IN,
        Term.VISIT,
        How.WITH_VISIT,
        persons="answer",
        references="visit_id",
        plain="destination seq answered_at",
    ),
    Rule(
        "open_questions",
        Purpose.INSURANCE,
        Term.VISIT,
        How.WITH_VISIT,
        persons="question coverage",
        references="visit_id",
        plain="visit_day state reason attempts next_attempt_at created_at answered_at seq",
    ),
    Rule("late_answers", Purpose.INSURANCE, Term.VISIT, How.WITH_VISIT, references="visit_id", plain="seq"),
    Rule("late_answer_numbers", Purpose.OPERATION, Term.USE, How.STAYS, plain="id last"),
    Rule(
        "coverage_answers",
        Purpose.INSURANCE,
        Term.VISIT,
        How.OWN_DAY,
        persons="sealed",
        references="key",
        plain="day kept_at",
    ),
    Rule(
        "arrivals",
        Purpose.CHECK_IN,
        Term.VISIT,
        How.WITH_VISIT,
        references="origin ticket_id visit_id",
        plain="machine revision taken_at",
    ),
    Rule(
        "tickets",
        Purpose.QUEUE,
        Term.VISIT,
        How.WITH_VISIT,
        references="id visit_id presentation",
        plain="number prefix day sequence service_code issued_at issued_seconds needs_counter shown_at reason standing"
        " queue sort_at urgent priority priority_by confirmed counter wanted calls missed since onward printed_at"
        " paper_code paper_language",
    ),
    Rule(
        "moves",
        Purpose.QUEUE,
        Term.VISIT,
        How.WITH_VISIT,
        references="ticket_id",
        staff="by",
        plain="id act day at kind queue counter reason before since undone",
    ),
    Rule(
        "reprints",
        Purpose.QUEUE,
        Term.VISIT,
        How.WITH_VISIT,
        references="ticket_id",
        staff="asked_by",
        plain="id asked_at done_at code",
    ),
    Rule(
        "help_calls",
        Purpose.QUEUE,
        Term.VISIT,
        How.OWN_DAY,
        staff="answered_by",
        plain="id kiosk_id screen at answered_at",
    ),
    Rule("counters", Purpose.QUEUE, Term.VISIT, How.OWN_DAY, plain="name day next"),
    Rule(
        "consents",
        Purpose.RIGHTS,
        Term.PROOF,
        How.OWN_DAY,
        references="person ticket_id visit_id",
        staff="by",
        plain="id act purpose basis version text_hash language channel given_at",
    ),
    Rule(
        "legal_bases",
        Purpose.RIGHTS,
        Term.USE,
        How.STAYS,
        plain="id purpose basis source version text_hash since",
    ),
    Rule(
        "person_requests",
        Purpose.RIGHTS,
        Term.PROOF,
        How.OWN_DAY,
        references="person",
        staff="taken_by done_by",
        plain="id kind asked_by channel asked_at answer_due due latest_due answered_at done_at outcome",
    ),
    Rule("erased", Purpose.RIGHTS, Term.PROOF, How.OWN_DAY, references="person", plain="at"),
    Rule(
        "audit",
        Purpose.SECURITY,
        Term.AUDIT,
        How.ANCHOR,
        references="about data",
        staff="who place",
        plain="seq at boot ticks act mac",
    ),
    Rule("audit_anchors", Purpose.SECURITY, Term.USE, How.STAYS, plain="seq at mac seal"),
    Rule("audit_references", Purpose.SECURITY, Term.USE, How.STAYS, secrets="key", plain="id"),
    Rule(
        "visit_views",
        Purpose.SECURITY,
        Term.AUDIT,
        How.OWN_DAY,
        references="visit_id",
        staff="by",
        plain="id at page",
    ),
    Rule(
        "bridge_audit",
        Purpose.SECURITY,
        Term.AUDIT,
        How.OWN_DAY,
        persons="selection",  # a person by an unkeyed hash: emptied with `visit_days`
        references="delivery_id",
        staff="who",
        plain="seq at act destination changed",
    ),
    Rule("account_acts", Purpose.SECURITY, Term.AUDIT, How.OWN_DAY, staff="account by", plain="id at act"),
    Rule("machine_acts", Purpose.SECURITY, Term.AUDIT, How.OWN_DAY, staff="by", plain="id at machine act scopes"),
    Rule(
        "sign_in_tries",
        Purpose.SECURITY,
        Term.OVER,
        How.OVER,
        staff="whom",
        plain="failures until last",
    ),
    Rule(
        "accounts",
        Purpose.STAFF,
        Term.USE,
        How.STAYS,
        staff="name full_name officer_id",
        secrets="secret code",
        plain="role enabled code_until letter_keys",
    ),
    Rule("account_subjects", Purpose.STAFF, Term.USE, How.STAYS, staff="account subject", plain="issuer"),
    Rule(
        "sessions",
        Purpose.STAFF,
        Term.OVER,
        How.OVER,
        staff="account place address",
        secrets="session",
        plain="acted_at ends_at locked wrong",
    ),
    Rule(
        "machines",
        Purpose.OPERATION,
        Term.USE,
        How.STAYS,
        staff="created_by ended_by",
        secrets="token_hash",
        plain="id name scopes page created_at last_seen ended_at",
    ),
    Rule(
        "machine_codes",
        Purpose.OPERATION,
        Term.OVER,
        How.OVER,
        staff="made_by",
        secrets="code_hash",
        plain="id name scopes page expires_at",
    ),
    Rule(
        "agent_codes",
        Purpose.OPERATION,
        Term.OVER,
        How.OVER,
        secrets="code_hash",
        plain="destination expires_at tries_left",
    ),
    Rule(
        "agent_tokens",
        Purpose.OPERATION,
        Term.USE,
        How.STAYS,
        secrets="token_hash",
        plain="destination origin paired_at",
    ),
    Rule("destination_switches", Purpose.OPERATION, Term.USE, How.STAYS, plain="destination paused_at why"),
    Rule("probes", Purpose.OPERATION, Term.USE, How.STAYS, plain="id at filler"),
    Rule("migrations", Purpose.OPERATION, Term.USE, How.STAYS, plain="name applied_at"),
    Rule("migrations_set_aside", Purpose.OPERATION, Term.USE, How.STAYS, plain="name"),
    Rule("sqlite_sequence", Purpose.OPERATION, Term.USE, How.STAYS, plain="name seq"),
    Rule("statistics_days", Purpose.STATISTICS, Term.REPORT, How.STAYS, plain="day closed_at tickets visits"),
    Rule(
        "statistics_deliveries",
        Purpose.STATISTICS,
        Term.REPORT,
        How.STAYS,
        plain="day destination outcome count",
    ),
    Rule("statistics_exact", Purpose.STATISTICS, Term.REPORT, How.STAYS, plain="day figure name count"),
    Rule("statistics_months", Purpose.STATISTICS, Term.REPORT, How.STAYS, plain="month figure name count"),
    Rule("statistics_times", Purpose.STATISTICS, Term.REPORT, How.STAYS, plain="day side name measure minutes"),
    Rule("statistics_told", Purpose.STATISTICS, Term.REPORT, How.STAYS, plain="day figure name count"),
    Rule("tallies", Purpose.STATISTICS, Term.REPORT, How.STAYS, plain="day hour kiosk kind name count"),
)


def rule_of(table: str) -> Rule:
    """The rule of a table. Raises KeyError."""
    return {rule.table: rule for rule in RULES}[table]
