"""The audit record of every attempt to change something: its lines, its chain, its targets, and its verification.

Writing is in `recorder` and `write`, reading in `reading`, and checking in `verify`. A command writes its first line
before it changes anything, and changes nothing if that fails. No line holds a secret value. docs/guide/audit.md
describes the record for its users.
"""
