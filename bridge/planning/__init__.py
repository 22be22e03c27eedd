"""From what was read to steps, refusals and reports. Pure: no I/O, no clock."""
