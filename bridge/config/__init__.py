"""What the user asked for, validated, every fault named at once: from `bridge.toml` or from the environment."""
