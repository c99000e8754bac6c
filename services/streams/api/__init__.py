"""HTTP in: parse, call the use case, answer as a page or as JSON."""
