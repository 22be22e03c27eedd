"""Auth0: the Management API, the token endpoint and its probe, and what may be rotated at all."""
