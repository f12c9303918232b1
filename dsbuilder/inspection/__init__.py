"""Looks at the data of a pipeline's source and says what is wrong with them.

choosing.py   which inspectors look, with which options
measuring.py  one record: read, decoded, and measured by all of them
measure_role.py  many records, in worker processes
measure_cache.py    measures kept between builds
report.py     all measures judged: the findings
deciding.py   which records are set aside for them: of like pictures one stays
probing.py    one variant of a sample, looked at with painted markers
label_safety.py     what of such looks is lost, wasted, unrecognisable, or another class by now
label_questions.py  what is asked of them, and the bounds of a fault
exclusion.py  a list of keys to leave out, written from findings, read by a build

Records are measured where there is room for their pixels, and judged where all measures are. Memory
grows by what inspectors keep of a record, never by its pixels, and the result does not depend on
how many processes there are.
"""

from dsbuilder.inspection.choosing import chosen, every
from dsbuilder.inspection.report import Report, inspect_records

__all__ = ["Report", "chosen", "every", "inspect_records"]
