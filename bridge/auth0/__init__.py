"""Auth0: the Management API, the token endpoint with its probe, and the rules for which clients may be rotated."""
