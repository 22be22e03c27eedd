"""A local Auth0, OpenBao and AWS, for trying the bridge without any account (extra `sandbox`).

All servers listen on loopback only, and keep their state in memory. `Stack` starts the three of them, `keep` runs them
for `secret-bridge sandbox`, and `auth0` is the imitation of a tenant.
"""
