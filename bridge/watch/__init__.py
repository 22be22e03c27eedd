"""Follows the tenants' logs, and acts on what concerns managed clients."""
