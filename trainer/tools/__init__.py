"""What a hand can do to a mask: each tool is a pure function that answers with an edit."""
