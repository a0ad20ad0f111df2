"""What `still.py` is made of: image files decoded in a process of their own."""
