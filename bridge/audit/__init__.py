"""The record of every attempt to change something: what a line says, the chain, where it is written, checking it."""
