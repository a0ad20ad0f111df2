"""The staff's own address: sign-in, counters, boards, message desk, API; a process apart from the touchscreen's."""
