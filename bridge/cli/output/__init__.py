"""What commands print: text, JSON, the terminal's live lines, env files."""
