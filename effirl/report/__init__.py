"""The study: from run folders to a page that answers the project's four questions."""
