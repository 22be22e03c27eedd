"""Derives steps, refusals and reports from what was read. Pure: no I/O, no clock."""
