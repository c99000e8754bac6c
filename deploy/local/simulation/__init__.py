"""Simulated people, who live with the platform for some weeks: by mail and by HTTP, as real ones do."""

from deploy.local.simulation.play import Outcome, run

__all__ = ["Outcome", "run"]
