"""Pure: which messages an event asks for, when one may be sent, and what becomes of it."""
