"""Who still fails with an old value: what a tenant's logs prove."""
