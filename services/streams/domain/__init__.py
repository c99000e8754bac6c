"""The rules of streams. Pure."""
