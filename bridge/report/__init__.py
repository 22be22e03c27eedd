"""How all clients stand, as one HTML file, CSV or Prometheus metrics: pure, from metadata alone."""
