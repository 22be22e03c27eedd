"""The status of all clients as one HTML file, as CSV, or as Prometheus metrics. Pure.

It is made from metadata alone, so no report can hold a secret value.
"""
