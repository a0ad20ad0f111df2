"""What must never happen, provoked: power cuts, `kill -9` and cut connections while people check in (`make faults`)."""
