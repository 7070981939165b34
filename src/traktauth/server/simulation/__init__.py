"""What a test can control and observe: faults, the request log, metrics, token trees."""
