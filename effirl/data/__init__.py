"""Problems: where they come from, how they are checked, and how they become prompts."""
