"""How quick the product is, and how much memory it takes: one file a question. Quality is in the evaluation folders."""
