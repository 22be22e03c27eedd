"""The nouns that everybody shares. Nothing here asks a server."""
