"""What is in each kind of report: the numbers that the graph gives the same person at the same instant."""
