"""Mappings that several tests begin with, and add their own lines to."""

from __future__ import annotations

FINDINGS = """
group: [agent, criterion]
recurring: {occurrence: [call_id, turn], finished: {done: reopen, closed: add}}
title: {template: '{criterion}: {agent}'}
description: note
created: date
severity: {column: severity, missing: medium}
status: {value: todo}
category: {value: Dialogue}
resource_links: [{type: call, column: call_id}]
flags: [{call: call_id, type: criterion, note: note, message_index: turn}]
"""
"""Of issues that recur, without `input`."""
DESK = """
input: {name: desk, key: Id, kind: delta}
title: Title
description: Text
status: {value: todo}
severity: {value: low}
category: {value: Bug}
"""
"""Of the nightly files of a help desk."""
