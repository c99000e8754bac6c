"""HTTP: the app that all services share, problem documents, access, page frame, languages."""
