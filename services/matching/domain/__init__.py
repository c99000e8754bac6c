"""Who is matched with whom, and the life of a match. Pure: no clock, no database, no random ids.

`person`, `round`: what goes into a round and what comes out. `engine`: how a round is solved.
`constraints`, `factors`, `priority`: the rules. `match`: what happens to a match afterwards.
"""
