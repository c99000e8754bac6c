"""The one page of coordinators in follow-up: what was written with a request for help, which is only here."""
