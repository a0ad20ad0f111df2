"""The patient's touchscreen: one page that follows the check-in's state, and the touches that come back."""
