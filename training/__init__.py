"""From parallel text to a CSANMT model: corpora, tokenizer, objective, recipes, packages."""
