"""Intake: the front door. Registration, import, profiles, programmes, the pages behind the links."""
