"""The audit record of every attempt to change something: its lines, its chain, its targets, and its verification."""
