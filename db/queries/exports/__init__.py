"""What the sheets of reports are selected with, as the requester."""
