"""Rotates an Auth0 application's client secret and publishes it to the vaults its applications read from."""

__version__ = "0.1.0"
