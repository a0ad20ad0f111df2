"""The pages on which supervisors keep accounts and machines, and the door through which a board comes in."""
