"""The chip, one module per standard. Only `pcsc.py` touches pyscard; everything else works on bytes."""
