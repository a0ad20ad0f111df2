"""Who of the staff may do what: roles and accounts. Must not import Flask, a device library or a connector."""

from dataclasses import dataclass
from enum import StrEnum


class Role(StrEnum):
    """What somebody is there for."""

    RECEPTIONIST = "receptionist"  # calls people, sees and completes their records
    SUPERVISOR = "supervisor"  # likewise, and keeps accounts and machines
    TECHNICIAN = "technician"  # sees to machines and deliveries; no person's record


@dataclass(frozen=True)
class Account:
    """One person of the staff. `name` signs in, `officer_id` (twelve digits or empty) is told to the insurance portal."""

    name: str
    full_name: str
    role: Role
    officer_id: str = ""
    enabled: bool = True
