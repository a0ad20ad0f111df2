"""The check-in itself: visit, ticket, queue. Never imports Flask, a device library or ui."""
