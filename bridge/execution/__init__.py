"""Carries a plan out: the only code that orders calls to servers."""
