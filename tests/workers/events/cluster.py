"""A Kafka cluster of one process: librdkafka's own, which speaks the protocol over TCP. Prints where it listens; ends with its input."""

import sys

from confluent_kafka import Producer

producer = Producer({"bootstrap.servers": "unused", "test.mock.num.brokers": 3, "log_level": 0})
while not producer.list_topics(timeout=10).brokers:
    pass
print(
    ",".join(f"{broker.host}:{broker.port}" for broker in producer.list_topics(timeout=10).brokers.values()), flush=True
)
sys.stdin.read()
