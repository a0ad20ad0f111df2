"""The machine-readable zone in a picture: found, its letters read, put right by its check digits."""
