"""The one page of coordinators in matching: what was asked about a proposal, which is only here."""
