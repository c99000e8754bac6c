"""The one pipeline: FastStream in front, the reactions to events, the relay behind."""
