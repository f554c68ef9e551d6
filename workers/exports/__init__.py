"""Files that show what the screen shows: the same views, under the requester's row security, in one snapshot."""
