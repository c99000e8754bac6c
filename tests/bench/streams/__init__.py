"""How much the event streams carry as a product: the journal, and those who read from it."""
