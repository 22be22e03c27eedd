"""Notifications about the outcome of operations, by webhook, Slack and every other service that apprise supports.

The library runs in a process of its own (`messenger`), so that no service can delay or harm an operation.
"""
