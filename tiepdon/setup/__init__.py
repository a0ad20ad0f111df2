"""A machine made ready: what is asked, where answers may come from, how they become settings and secrets."""
