"""What comes with Scoregraph to be changed by whoever runs it: rules of alerts, and what Prometheus and Grafana are given."""
