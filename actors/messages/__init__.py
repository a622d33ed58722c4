"""Every message that crosses a mailbox, by subject; `inboxes` says who hears what.

Commands are imperative, facts past, queries `Find…` and `Load…`. A command stands in one inbox, a fact in those of all
who follow it.
"""
