"""What a command does beside its work: the audit record, notifications."""
