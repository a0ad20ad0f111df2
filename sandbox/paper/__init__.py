"""Paper and screens of the pretend world: printed cards (`faces`), telephones (`phone`), their codes (`qr`) and where
things stand on them (`geometry`). Importing a painter loads Pillow, so nothing is imported here."""
