"""The fault matrix: hurt the platform while it works, and count what was lost or doubled."""
