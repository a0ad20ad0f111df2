"""The command line: the one place that knows every package and wires them together."""
