"""The output of commands: text, JSON, progress on a terminal, and env files."""
