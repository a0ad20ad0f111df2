"""Barcode scanners and keypads. Only `serial.py` touches pyserial, only `hid.py` evdev."""
