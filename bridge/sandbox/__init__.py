"""A local Auth0, OpenBao and AWS, for trying the bridge without any account (extra `sandbox`).

All servers listen on loopback only.
"""
