"""Figures of livecredits, measured on this machine against peers in the same run: `python -m bench`."""
