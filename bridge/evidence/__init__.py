"""Evidence from a tenant's logs of who still fails with an old value."""
