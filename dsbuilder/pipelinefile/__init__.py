"""The pipeline file: YAML -> a tree with lines -> dataclasses, every error at once.

document.py  YAML text -> tree of values that know their line; `--set`
named_size.py the size that stages call `$size`, put where it is named
preset.py    the stages that a preset stands for, from `presets/`
binding.py   a tree -> dataclasses, led by the types of their fields
stages.py    the places that name a plugin, `{use: name, option: value}`, and their binding
bounds.py    bounds of numbers, and their errors
source_paths.py  paths of a source at which nothing lies
splitting.py the section `split`, with the rules by which records belong together
training.py  the section `train`
tuning.py    the section `tune`
patch.py     a file of assignments, as `--set` takes them one by one
described.py what a docstring says of options: their texts, their intervals
json_types.py the type of an option -> JSON Schema
option_tables.py the options of a class as a table in Markdown
json_schema.py a pipeline file as JSON Schema, for editors, with the plugins of a registry
schema.py    all sections: what a pipeline file may say; `load` and its like
"""

from dsbuilder.pipelinefile.schema import Spec, load, load_data, load_document

__all__ = ["Spec", "load", "load_data", "load_document"]
