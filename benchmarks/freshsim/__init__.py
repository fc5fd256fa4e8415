"""A simulator for refresh policies: makes traces, drives a scheduler along them, and scores it."""
