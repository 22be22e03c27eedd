"""Telling people and programs what became of operations, by webhook, Slack and whatever else apprise reaches."""
