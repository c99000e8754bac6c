"""Everything that touches MongoDB. The only place that imports Motor; see docs/decisions/0003."""
