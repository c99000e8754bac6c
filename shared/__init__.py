"""What all services share: the contract, the one pipeline, storage, security. Never a rule of the domain."""
