"""The `docker` environment: trials in containers of the local or a remote daemon."""
