"""What the messages say: one function for each kind, in English; the catalogues say it in the others."""
