"""How Common Ground runs: engines, topics, local supervisor, clusters."""
