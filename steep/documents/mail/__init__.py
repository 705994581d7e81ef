"""Mail: messages and mailboxes, without what they quote."""
