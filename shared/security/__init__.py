"""Signed links, hashed keys, keyed hashes of addresses."""
