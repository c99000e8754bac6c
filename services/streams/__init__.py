"""Streams: the window on the event streams. See README.md."""
