"""The message desk: what each destination is owed, what failed and why, and what to do about it. For technicians."""
