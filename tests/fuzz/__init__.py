"""Fuzzing: mutated files through the engines, in processes that may die."""
