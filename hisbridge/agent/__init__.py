"""The local agent: a destination that is not sent to but takes (bridge.md 3.3; decision 0011).

Everything here runs on one thread of the bridge, in one event loop, so that no slow or hostile caller holds another.
Must not import reader, kiosk or ui.
"""
