"""The calling board: who is called to which counter, shown in the hall and spoken."""
