"""One module for each command that changes or checks a client: read, refuse, plan, execute."""
