"""What a process tells about itself: metrics, traces, logs. None of it ever holds personal data."""
