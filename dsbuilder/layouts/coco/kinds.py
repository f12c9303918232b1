"""Which kinds of target COCO files hold: under which key, and in a file of which name."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace

from dsbuilder.plugin import Boxes, Instances, Keypoints, Mask, Target, Text


@dataclass(frozen=True, kw_only=True)
class CocoKind:
    """How targets of a kind stand in COCO files.

    Attributes:
      kind: kind of the target.
      key: key that an annotation has it under.
      file: what the names of the files begin with that we write.
    """

    kind: type[Target]
    key: str
    file: str

    def place(self, split: str) -> str:
        """Returns the path of the file that we write of a split, below the export."""
        return f"annotations/{self.file}_{split}.json"


KINDS: Mapping[str, CocoKind] = {
    "objects": CocoKind(kind=Boxes, key="bbox", file="instances"),
    "instances": CocoKind(kind=Instances, key="segmentation", file="instances"),
    "mask": CocoKind(kind=Mask, key="segmentation", file="stuff"),
    "keypoints": CocoKind(kind=Keypoints, key="keypoints", file="person_keypoints"),
    "text": CocoKind(kind=Text, key="caption", file="captions"),
}
"""What is read, as the options of the source call it."""


def written_kinds(kinds: Collection[type[Target]]) -> dict[str, CocoKind]:
    """Returns which of `KINDS` a set of ours holds that was made of targets of some kinds.

    Beside instances, whose file is that of boxes elsewhere, boxes have one of their own.
    """
    found = {name: each for name, each in KINDS.items() if each.kind in kinds}
    if Boxes in kinds and Instances in kinds:
        found["objects"] = replace(found["objects"], file="boxes")
    return found
