"""The database over the years: encrypted, upgraded, copied, recovered, restored; composed for the command line."""
