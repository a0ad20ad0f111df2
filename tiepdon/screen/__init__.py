"""The browser session of the touchscreen: what starts Chromium, and knows whether the page really shows."""
