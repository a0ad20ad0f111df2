"""Which screen a kiosk shows, as its own page is told."""

import http.client
import re
from contextlib import closing


def screen_of(port: int) -> str:
    """The name of the screen at the touchscreen's address on loopback."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    with closing(connection):
        connection.request("GET", "/")
        found = re.search(r'data-screen="(\w+)"', connection.getresponse().read().decode())
    return found[1] if found else ""
