"""The looks of `tiepdon doctor` at one kind of part each; none needs another part to be well."""
