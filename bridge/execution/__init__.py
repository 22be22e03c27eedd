"""Carries out a plan. This is the only package that orders calls to servers."""
