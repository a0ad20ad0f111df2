"""The public key infrastructure of documents: who signed, and who vouches for the signer (ICAO Doc 9303-12)."""
