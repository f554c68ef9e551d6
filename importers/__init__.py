"""What fills a database from outside the graph: data sets, synthetic years, and a trickle of live attempts."""
