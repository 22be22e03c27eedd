"""The side effects of a command beside its work: the audit record and notifications."""
