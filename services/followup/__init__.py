"""Followup: what happens after both have said yes. See README.md."""
