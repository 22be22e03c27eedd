"""The configuration, from `bridge.toml` or from the environment, validated so that every fault is named at once."""
