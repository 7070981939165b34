"""The processes of a server: the HTTP server, workers, signals, logs."""
