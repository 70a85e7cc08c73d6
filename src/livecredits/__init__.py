"""Prepaid credits for the users of an app, live on every open screen."""

__version__ = "0.1.0"
