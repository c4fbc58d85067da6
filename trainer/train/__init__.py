"""From labelled cases to members."""
