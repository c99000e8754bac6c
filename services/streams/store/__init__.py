"""The only package that knows the documents of streams: collections, indexes, queries."""
