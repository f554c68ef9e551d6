"""Events out: what waits in the outbox is published to a stream, as CloudEvents, in order and at least once."""
