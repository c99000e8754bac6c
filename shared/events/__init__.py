"""The contract between the services: streams, events, the envelope and its form on the wire.

One definition makes the Python types, the JSON Schemas (`schemas/`), the AsyncAPI documents and the
catalogue. Writers are strict (unknown fields are refused), readers ignore what they do not know.
"""
