"""Harbor environments of our own; imported only inside a worker process."""
