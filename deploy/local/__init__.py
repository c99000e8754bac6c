"""The platform on one machine: engines, topics, supervisor, demo."""
