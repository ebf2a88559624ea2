"""Recovery: simulate, fit, and see whether what went in comes out, for designs of many sizes."""
