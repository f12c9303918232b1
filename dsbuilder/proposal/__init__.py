"""A folder -> a pipeline that fits it: which layout it is, what its images are like, what to write.

recognition.py  every source is asked whether a folder has its layout
facts.py        what is known of a folder once its layout is, and how its images look
advice.py       the sections of a pipeline that suit the targets and the images
defaults.py     which model, size and epochs suit it
unread.py       what of the folder the pipeline does not read
writing.py      sections -> commented YAML
drafting.py     all of it, and which built-in model trains: a folder -> the text of a pipeline
"""

from dsbuilder.proposal.drafting import Draft, draft
from dsbuilder.proposal.recognition import Candidate, candidates, check_extent, choose

__all__ = ["Candidate", "Draft", "candidates", "check_extent", "choose", "draft"]
