"""Starts and stops the servers and processes of one machine: what `make run` and `make test` stand on."""
