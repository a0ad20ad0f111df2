"""Who is called next, where, and how long it takes: numbers, order, calls, estimates."""
