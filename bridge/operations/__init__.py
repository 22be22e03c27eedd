"""One module for each command that changes or checks a client. Each of them reads, refuses, plans and executes."""
