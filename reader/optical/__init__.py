"""Codes and lines seen by a camera or in a picture.

Doors: `decode.py` (codes in one picture), `camera.py` (a live camera), `still.py` (an image file), `mrz.py` and
`lines.py` (the machine-readable lines); what each is made of stands in the folder beside it: `qr`, `live`, `stills`,
`zone`. Each library has one door: zxing-cpp `qr/zxing.py`, pyzbar `qr/zbar.py`, picamera2 `live/picamera.py`.
"""
