"""What another policy would have done; imports all of matcher."""
