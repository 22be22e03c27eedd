"""Commands to begin with: init, sandbox, demo."""

from __future__ import annotations
