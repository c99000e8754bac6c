"""A sample programme and invented people, to try the platform on."""
