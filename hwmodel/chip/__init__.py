"""Chips: files with a source for every number, checked, and the record of one."""
