"""Webhooks: HTTP out. Who serves which endpoint, in which order, and how one request is made."""
