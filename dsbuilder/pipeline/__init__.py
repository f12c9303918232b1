"""A spec resolved against the targets of its source.

signatures.py  what every stage makes of the signature; `resolve` finds a wrong pipeline
doubts.py      what is right and hardly meant: images made large again, untouched variants
positions.py   the sample at a position: original, variant, synthesized, streamed
on_device.py   what of a stream is applied on the device that trains, and what is drawn for it
applying.py    the one driver of a list of stages, traced and noted
first_samples.py  a close look at the first samples of each stage: is it what a plugin promises?
params.py      what drawn params may hold
replaying.py   a sample once more, from the params that were recorded
"""

from dsbuilder.pipeline.applying import AppliedStage, Stopwatch, Trace, apply_fixed, decode
from dsbuilder.pipeline.first_samples import BrokenContractError
from dsbuilder.pipeline.positions import Pipeline, Refresher, split_of_content, variant_key
from dsbuilder.pipeline.replaying import ReplayedStage, replay
from dsbuilder.pipeline.signatures import default_image_format, resolve, resolve_stream

__all__ = [
    "AppliedStage",
    "BrokenContractError",
    "Pipeline",
    "Refresher",
    "ReplayedStage",
    "Stopwatch",
    "Trace",
    "apply_fixed",
    "decode",
    "default_image_format",
    "replay",
    "resolve",
    "resolve_stream",
    "split_of_content",
    "variant_key",
]
