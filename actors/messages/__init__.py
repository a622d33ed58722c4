"""Every message that crosses a mailbox, by subject; `inboxes` says who hears what.

Commands are imperative, outcomes past, queries `Find…` and `Load…`. A message stands in exactly one inbox.
"""
