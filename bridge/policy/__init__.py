"""Least-privilege policies to paste: what each role needs at Vault, AWS and Auth0. Pure.

They follow from the requests that the commands make (`sinks.rights`). Each kind of store writes its own
(`sinks.kinds.Kind.policy_for`).
"""
