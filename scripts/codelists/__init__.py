"""How the place lists in `config/codelists` are made: units from one source, conversions from the statistics office.

Not part of the product and not needed to run or test it; docs/addresses.md says where the files come from:

    python -m scripts.codelists places --units dataset.db --conversions converter_2025.json \\
        --table BangChuyendoi....csv --earlier Xa_2025-01-04.csv --other address.json

It prints every disagreement between the sources and what was made of it, and ends with 1 where a count is not the one
that services.md 6.1 gives.
"""
