"""Code lists of the country as data files, each loaded when first asked for."""
