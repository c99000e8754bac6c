"""Replay: a recorded history, or a file of people, lived again under a policy.

`world` makes the service's own decisions in memory, `history` reads what was recorded, `answers` says
how people answer, `play` lets time pass, `outcome` counts, `verify` solves the recorded rounds again.
Nothing here needs an engine or a service.
"""
