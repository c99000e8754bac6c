"""Pure: types, rules and decisions of intake. No clock, no database, no random ids in here."""
