"""What crosses a process border: errors, frozen records as JSON, HTTP over Unix sockets, event streams.

Imports nothing of the product, so that reader, bridge and kiosk can share it without knowing each other.
"""
