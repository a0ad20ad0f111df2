"""Barcode scanners. Only `serial.py` touches pyserial."""
