"""Values and words of the domain; imports the standard library and nothing else."""
