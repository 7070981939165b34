"""A server as a process or a thread: the socket, signals, logs."""
