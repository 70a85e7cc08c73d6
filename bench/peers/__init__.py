"""Other ways to do the same, measured in the same run, and the C programs that make the load."""
