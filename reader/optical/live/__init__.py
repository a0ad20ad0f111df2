"""What `camera.py` is made of: kinds of camera, their newest frame, and when a frame is worth a look."""
