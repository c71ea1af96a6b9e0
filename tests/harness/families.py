"""Rows that name each other, by their key and by another column."""

from __future__ import annotations

HEADER = ("Key", "Id", "Parent", "Blocks")
MAPPING = """
input: {name: demo, key: Key}
title: Key
severity: {value: low}
status: {value: todo}
category: {value: Bug}
relations:
  - {column: Blocks, type: blocks}
  - {column: Parent, type: related_to, by: Id}
"""
