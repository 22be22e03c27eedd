"""Shared data types of the bridge. Nothing in this package contacts a server."""
