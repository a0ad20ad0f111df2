"""Flask app, pages, words, languages. Never imports a device library or a connector."""
