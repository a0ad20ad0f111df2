"""Updates: who signed them, what they hold, and how a machine that is not well afterwards goes back by itself."""
