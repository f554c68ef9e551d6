"""What can go wrong with the embedded servers, said so that the operator knows what to do."""


class EmbeddedError(Exception):
    """The embedded servers cannot run. The message is one clear sentence and holds no secret."""


class AlreadyRunning(EmbeddedError):
    """Another process runs, or is just starting, the servers of the data directory."""
