"""Tools in the user's hand: each turns one kind of gesture into an edit of the open case."""
