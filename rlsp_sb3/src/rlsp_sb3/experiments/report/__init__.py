"""The results page: tables of several folders, as Markdown."""
