"""Questions put to the outside: is this person insured, what does the register say."""
