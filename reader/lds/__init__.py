"""The logical data structure: what stands in a document's files (ICAO Doc 9303-10)."""
