"""The rule language: what merchants write, from YAML text to the decision what to say. Pure."""
