"""What the gateway is measured against: PostGraphile 5 on the same database, with the same row security."""
