"""The agent: a token endpoint on this machine for applications in any language.

It answers client-credentials requests as an OAuth server does (RFC 6749). It obtains the tokens at Auth0 with
`bridge.consumer`, so it tries the candidates and keeps what it has. The extra `agent` installs its server.
"""
