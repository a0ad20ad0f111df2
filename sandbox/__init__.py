"""The pretend outside world, shipped with the product for training and tests: card, portal, hospital system.

Synthetic persons only. Imported by nothing but the command line and the tests.
"""
