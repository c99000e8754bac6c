"""The service notifications: who is told what, when, in which language; retries; quiet hours."""
