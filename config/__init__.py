"""Typed settings and code lists. Imports nothing else of the product."""
