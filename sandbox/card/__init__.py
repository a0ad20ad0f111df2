"""The card side of a chip ID card (ICAO Doc 9303-10 and -11), written without looking at the reader's code.

Nothing here may import `reader`: both sides follow the standard on their own, so that each checks the other.
"""
