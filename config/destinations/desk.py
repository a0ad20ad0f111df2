"""The desk of the same hall, on another machine: several kiosks, one queue."""

from config.destinations.base import HttpDestination


class DeskDestination(HttpDestination, frozen=True, kw_only=True, tag="desk"):
    """Hands every check-in and every number of this kiosk to the desk's machine (docs/integration/api.md).

    `base_url`: the staff's address there; `token_file`: this kiosk's machine token, of scope `kiosk`.
    """

    token_file: str
