"""A local Auth0, OpenBao and AWS, to try the bridge without an account anywhere (extra `sandbox`)."""
