"""`dsbuilder.json`: what an export of ours says that its layout has no place for.

    {"format": 1,
     "signature": {"image": {...}, "targets": {"label": {"kind": "class", "names": [...]}}},
     "keys": {"train/cat/tom.png@copy-1.png": "cat/tom.png//copy-1"}}

It lies at the root of an exported folder, or beside an export that is one file, as
`toy.npz.dsbuilder.json`. The signature is that of the exported dataset, with the targets
that the layout holds. `keys` says the key of each
file, or of each sample by what the layout calls it, where the name itself does not say it; keys are
those of the dataset, to the letter.

A source gives other keys for what a build derived (`layouts/keys.py`): all that derives from one
record is one group, hence of one split however it is dealt again.
"""

import contextlib
import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import MISSING, dataclass, field, fields, replace
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar

from dsbuilder import typed_json
from dsbuilder.errors import DataError, printable, shortened
from dsbuilder.layouts import keys
from dsbuilder.layouts.faults import Faults
from dsbuilder.plugin import (
    Record,
    Signature,
    Source,
    Target,
    signature_to_json,
    targets_from_json,
)

NAME = "dsbuilder.json"

_FORMAT = 1

AnyTarget = TypeVar("AnyTarget", bound=Target)


@dataclass(frozen=True, kw_only=True)
class Sidecar:
    """What the sidecar of an export says.

    Attributes:
      path: the file.
      targets: targets of the exported dataset, by name, in its order.
      keys: key of the dataset by file, or by what else the layout calls a sample.
    """

    path: Path
    targets: Mapping[str, Target]
    keys: Mapping[str, str] = field(default_factory=dict)

    @cached_property
    def _given(self) -> dict[str, tuple[str, str | None]]:
        """Key and group that a source gives, by file."""
        return dict(zip(self.keys, keys.with_groups(list(self.keys.values())), strict=True))

    @cached_property
    def _is_grouped(self) -> bool:
        return any(group is not None for _, group in self._given.values())

    def key(self, name: str) -> str:
        """Returns the key that a source gives for a file; its name where none is stated."""
        return self._given[name][0] if name in self._given else name

    def group(self, name: str) -> str | None:
        """Returns the group of a file; None where nothing derives from another."""
        if not self._is_grouped:
            return None
        return self._given[name][1] if name in self._given else name

    def keyed(self, records: Sequence[Record]) -> list[Record]:
        """Returns records, whose keys are names of files, with stated keys and groups.

        A group that a record has already stays.
        """
        return [
            replace(
                each,
                key=self.key(each.key),
                group=self.group(each.key) if each.group is None else each.group,
            )
            for each in records
        ]


def first(stated: Sidecar | None, kind: type[AnyTarget]) -> tuple[str, AnyTarget] | None:
    """Returns name and target of the first of a kind: the one that most layouts have a place for.

    None without a sidecar, or where it states none.
    """
    targets = {} if stated is None else stated.targets
    return next(
        ((name, each) for name, each in targets.items() if isinstance(each, kind)),
        None,
    )


def in_order(stated: Sidecar | None, targets: Mapping[str, Target]) -> dict[str, Target]:
    """Returns targets in the order of the exported dataset, those first that it had."""
    order = [] if stated is None else [name for name in stated.targets if name in targets]
    return {name: targets[name] for name in (*order, *targets)}


def misfit(where: str, found: Iterable[str]) -> DataError:
    """Returns the error that a file beside the sidecar names what the sidecar does not.

    Args:
      where: what the error calls the file.
      found: the names.
    """
    return DataError(
        f"{where}: expected the names that {NAME} states, found {shortened(found)} beside them. "
        f"Export the dataset again, or remove {NAME}."
    )


def place(root: Path) -> Path:
    """Returns where the sidecar of an export lies: in its folder, or beside its one file."""
    return root.with_name(f"{root.name}.{NAME}") if root.is_file() else root / NAME


def read(root: Path) -> Sidecar | None:
    """Returns the sidecar of an export; None without one, or where a stranger's is called that.

    Raises:
      DataError: it is damaged, or states keys that no sample can have; of these all are told at
        once, up to a limit.
    """
    path = place(root)
    if not path.is_file():
        return None
    try:
        data = typed_json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise DataError(
            f"{path}: expected JSON, found what cannot be read ({type(error).__name__}: {error}). "
            "Export the dataset again."
        ) from None
    if not isinstance(data, dict) or "signature" not in data or "format" not in data:
        return None
    if data["format"] != _FORMAT:
        raise DataError(
            f"{path}: expected format {_FORMAT}, found {data['format']!r}. Export it again."
        )
    signature = data["signature"]
    described = signature.get("targets") if isinstance(signature, dict) else None
    stated = _checked_keys(data.get("keys", {}), path)
    return Sidecar(path=path, targets=targets_from_json(described, str(path)), keys=stated)


def at_defaults(source: Source) -> bool:
    """Whether a source leaves all options but `path` at their defaults.

    Then a sidecar says what is read.
    """
    for each in fields(source):  # type: ignore[arg-type]
        usual = each.default if each.default_factory is MISSING else each.default_factory()
        if each.name != "path" and getattr(source, each.name) != usual:
            return False
    return True


def stated_targets(root: Path) -> dict[str, Target]:
    """Returns the targets that a sidecar states; none without one or where it is damaged.

    For guesses, not for reading.
    """
    with contextlib.suppress(DataError):
        found = read(root)
        return dict(found.targets) if found is not None else {}
    return {}


def write(
    root: Path,
    signature: Signature,
    stated: Mapping[str, str],
    *,
    targets: Collection[str] | None = None,
) -> None:
    """Writes the sidecar of an export; equal exports give equal bytes.

    Args:
      stated: key of the dataset by file, or by what else the layout calls a sample; those that are
        equal are left out.
      targets: names of the targets that the export holds; None where it holds all.
    """
    kept = {n: t for n, t in signature.targets.items() if targets is None or n in targets}
    odd = {name: key for name, key in stated.items() if name != key}
    described = signature_to_json(signature.replace(targets=kept))
    data = {"format": _FORMAT, "signature": described, "keys": odd}
    text = json.dumps(data, ensure_ascii=False, indent=1)
    place(root).write_text(text + "\n", encoding="utf-8", newline="\n")


def _checked_keys(stated: Any, path: Path) -> dict[str, str]:
    if not isinstance(stated, dict) or not all(isinstance(each, str) for each in stated.values()):
        raise DataError(f"{path}: keys: expected texts by file, found others. Export it again.")
    faults, seen = Faults(), dict[str, str]()
    for name, key in stated.items():
        wrong = keys.fault(keys.of_source([key])[key])
        if wrong:
            problem = f"'{printable(name)}': expected a key, found {wrong}."
            faults.add(f"{path}: keys", problem)
        if seen.setdefault(key, name) != name:
            again = f"'{printable(key)}' as of '{printable(seen[key])}'"
            faults.add(f"{path}: keys", f"expected every key once, found {again}.")
    faults.check()
    return stated
