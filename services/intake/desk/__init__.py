"""The coordinators' desk: signing in, and the pages on which they see to their people. Theirs only."""
