"""Programs for developers; no job needs them."""
