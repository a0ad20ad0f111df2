"""What `tiepdon support-bundle` gathers, and the wall that keeps persons out of it."""
