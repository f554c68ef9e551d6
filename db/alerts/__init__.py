"""What alerts are about: measures, and conditions on them."""
