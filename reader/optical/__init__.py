"""Codes seen by a camera. OpenCV only in `camera.py` and `decode.py`, pyzbar only in `decode.py`."""
