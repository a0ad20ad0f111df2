"""The counter's pages: the day's tickets, one visit whole, and a question to the insurance. For receptionists."""
