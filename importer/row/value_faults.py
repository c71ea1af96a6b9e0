"""How the step of a value is shown in findings, reports and the ledger, and what there is to say of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from importer.api import CATEGORY_LIMIT, count_units
from importer.codes import CATEGORY_TOO_LONG, VALUE_MISSING, VALUE_UNDECIDED, VALUE_UNKNOWN
from importer.mapping.model import TARGETS, MappingModel
from importer.mapping.yaml_tree import quote
from importer.records import Finding
from importer.row.value_maps import Step, ValueMap
from importer.transform.plain_text import single_line
from importer.transform.sanitise import Sanitizer
from importer.transform.shown_people import SOMEBODY, ShownPeople, person_refs

HIDDEN_HINT = (
    "it names a person, and only errors.csv and the source show it: correct it there, or map the value as it is there"
)


def find_fault(name: str, step: Step) -> Finding | None:
    """The finding of a step of a value field, None if there is nothing to say; `name` is that of the field."""
    finding = _find_fault(name, step)
    if finding is not None and step.hidden:
        return replace(finding, hint=HIDDEN_HINT)
    return finding


def _find_fault(name: str, step: Step) -> Finding | None:
    allowed = TARGETS[name]
    choices = f" ({', '.join(allowed)})" if allowed else ""
    if step.how == "missing":
        return Finding(
            VALUE_MISSING[name], name, f"no {name}", f"add a default for empty cells: `{name}: {{missing: …}}`{choices}"
        )
    if step.how == "undecided":
        what = f"{name} {step.source!r}" if step.source else f"an empty {name}"
        hint = f"put its target in place of `?` in the mapping{choices}"
        return Finding(VALUE_UNDECIDED[name], name, f"the mapping leaves {what} undecided", hint, step.source)
    if step.how == "unknown":
        settle = f"`{name}: {{values: {{{quote(step.source)}: …}}}}`{choices}"
        if step.target is None:
            message = f"the mapping doesn't know {name} {step.source!r}"
            return Finding(
                VALUE_UNKNOWN[name], name, message, f"add {settle}, or take suggested-mapping.yaml", step.source
            )
        message = f"the value {step.source!r} is unknown and becomes {step.target!r}"
        return Finding(VALUE_UNKNOWN[name], name, message, f"to decide it, add {settle}", step.source, rejects=False)
    if step.target is not None and not allowed and not 1 <= count_units(step.target) <= CATEGORY_LIMIT:
        message = f"{count_units(step.target)} characters, {CATEGORY_LIMIT} allowed"
        hint = f"map it: `category: {{values: {{{quote(step.source)}: …}}}}`"
        return Finding(CATEGORY_TOO_LONG, name, message, hint, step.source)
    if allowed and step.target not in allowed:
        message = f"the value {step.target!r} is not one of {', '.join(allowed)}"
        return Finding(VALUE_UNKNOWN[name], name, message, "map it in the mapping's `values`", step.source)
    if step.neutral:
        source = f"the value {step.source!r}" if step.source else "an empty cell"
        message = f"{source} becomes {step.target!r}, which nobody has decided yet"
        settle = f"`{name}: {{values: {{{quote(step.source)}: …}}, neutral: []}}`{choices}"
        hint = f"decide it, in the mapping or in one that extends it: {settle}"
        return Finding(VALUE_UNDECIDED[name], name, message, hint, step.source, rejects=False)
    return None


def compile_shown(mapping: MappingModel, value_map: ValueMap, shown_people: ShownPeople) -> Callable[[Step], Step]:
    """What makes of a step the one that is shown, with its fault; a category may be a cell as it is, with mentions."""
    sanitizer = Sanitizer(mapping.norm, mapping.mentions, mapping.secrets)
    names_people = not person_refs(mapping).isdisjoint(value_map.spec.refs)

    def show(step: Step) -> Step:
        if mapping.people.hides:
            step = _hide_person(step, shown_people, names_people=names_people)
        if value_map.field == "category" and step.target:
            (target,) = shown_people.clean([single_line(step.target)])
            step = replace(step, target=sanitizer.clean(target).text)
        return replace(step, fault=find_fault(value_map.field, step))

    return show


def _hide_person(step: Step, shown_people: ShownPeople, *, names_people: bool) -> Step:
    """The step with its people as they are shown."""
    if not step.source:
        return step
    # What a rule read is shown as the rule's own words, and these name nobody.
    role = "Owner" if names_people and step.how != "rule" else ""
    source = shown_people.show_cell(role, step.source) or SOMEBODY
    if source == step.source:
        return step
    target = source if step.how == "kept" else step.target
    return replace(step, source=source, target=target, hidden=True)
