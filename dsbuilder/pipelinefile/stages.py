"""Places of a pipeline that name a plugin, and their binding.

All but one are `{use: name, option: value, ...}`; the section `inspect` holds inspectors by name:

    inspect:
      truncated: quarantine
      near_duplicate: {action: warn, ratio: 0.3}
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from dsbuilder.errors import PluginError
from dsbuilder.images.size_limit import MEGAPIXELS, size_limit
from dsbuilder.layouts.corrections import Corrected
from dsbuilder.pipelinefile.binding import FAILED, Binder, Custom
from dsbuilder.pipelinefile.document import Node, YamlDocument, from_data, override
from dsbuilder.pipelinefile.tuning import Searched, bind_searched
from dsbuilder.plugin import (
    KINDS,
    Inspector,
    Mixer,
    Mode,
    Params,
    Sample,
    Signature,
    Source,
    Stage,
    Synthesizer,
    Target,
    Transform,
)
from dsbuilder.plugin.decorators import CLASS_WORDS, PLACE_WORD
from dsbuilder.plugin.transforms import Place, bounded_signature, chosen
from dsbuilder.registry import Plugin, Registry, bare_name

SPLITS = ("train", "validation", "test")

Action = Literal["ignore", "warn", "quarantine", "error"]


@dataclass(frozen=True, kw_only=True)
class MixStage:
    """A mixer at one place of a pipeline; see `Stage`."""

    id: str
    plugin: Mixer
    p: float = 1.0
    megapixels: float = MEGAPIXELS
    on: Place = "host"

    @property
    def may_skip(self) -> bool:
        """Whether it leaves some samples as they are."""
        return self.p < 1.0

    def output_signature(self, signature: Signature) -> Signature:
        """Returns the signature after mixing; see `Stage.output_signature`."""
        return bounded_signature(self.megapixels, self.plugin.output_signature, signature)

    def mix(
        self,
        sample: Sample,
        partners: Sequence[Sample],
        params: Params,
        targets: Mapping[str, Target],
    ) -> Sample:
        """Returns the mixed sample; see `Mixer.mix`."""
        with size_limit(self.megapixels):
            return self.plugin.mix(sample, partners, params, targets)

    def mix_batch(
        self,
        batch: tuple[Any, Mapping[str, Any]],
        partners: Sequence[tuple[Any, Mapping[str, Any]]],
        drawn: Mapping[str, Any],
        kinds: Mapping[str, Target],
        ops: Any,
    ) -> tuple[Any, dict[str, Any]]:
        """Returns the images and labels of a batch after mixing; see `Mixer.apply_batch`.

        Args:
          batch: images, and columns of each target by its name.
          partners: the same of the first, second, ... partner of each sample.
          drawn: `on`, bool `(B,)`, which samples are mixed; `weights`, float32 `(B, 1 + n)` of the
            sample and its partners; and the params.
          kinds: kinds of the targets before.
        """
        images, labels = batch
        made = self.plugin.apply_batch(images, [each for each, _ in partners], drawn, ops)
        mixed = {
            name: kind.mix_batch(
                [labels[name], *(other[name] for _, other in partners)], drawn["weights"], ops
            )
            for name, kind in kinds.items()
        }
        return chosen(drawn["on"], made, images, ops, self.may_skip), mixed


AnyStage = Stage | MixStage


@dataclass(frozen=True, kw_only=True)
class Synthesis:
    """A synthesizer at one place of a pipeline.

    Attributes:
      id: its `name`, else plugin and occurrence.
      plugin: the bound synthesizer.
      count: number of samples it makes, over all splits; 0 of one that only balances classes.
      splits: share of each split; the shares sum to 1.
      megapixels: pixels of the image that it may make, in 10**6.
    """

    id: str
    plugin: Synthesizer
    count: int
    splits: Mapping[str, float]
    megapixels: float = MEGAPIXELS

    def output_signature(self, mode: Mode) -> Signature:
        """Returns the signature of what is made; see `Stage.output_signature`."""
        return bounded_signature(self.megapixels, self.plugin.output_signature, mode)

    def render(self, key: str, params: Params, mode: Mode) -> Sample:
        """Returns the sample of drawn params; see `Synthesizer.render`."""
        with size_limit(self.megapixels):
            return self.plugin.render(key, params, mode)


@dataclass(frozen=True, kw_only=True)
class Inspection:
    """An inspector of a pipeline.

    Attributes:
      plugin: the bound inspector.
      action: what a build does with a finding: `ignore` leaves the inspector out, `warn` says it,
        `quarantine` sets the record aside, `error` ends the build.
    """

    plugin: Inspector
    action: Action = "warn"

    def __post_init__(self) -> None:
        if self.action == "quarantine" and not self.plugin.of_records:
            raise ValueError(
                "expected ignore, warn or error for an inspector that judges the whole set, found "
                "quarantine. It names no record to set aside."
            )


@dataclass(frozen=True)
class _Use:
    """A place whose plugin was found: the plugin, the mapping that names it, and its path."""

    plugin: Plugin
    node: Node
    path: str

    @property
    def word(self) -> str:
        return str(self.node.value["use"].text)

    @property
    def bare(self) -> str:
        """The word without a package: to say which is meant reseeds nothing."""
        return bare_name(self.word)


_SOURCE_WORDS = frozenset({"use", "corrections"})
_STAGE_WORDS = frozenset({"use", "name", "p", PLACE_WORD, *CLASS_WORDS})
_STREAMED = re.compile(r"stream\.stages\[\d+\]")
_VARIES = re.compile(r"(augment|stream)\.stages\[\d+\]")
_SYNTHESIS_WORDS = frozenset({"use", "name", "count", "splits"})


class _PlaceBinder:
    """Binds the places of one pipeline, and gives every stage its id.

    The id is the stage's `name`, else plugin and occurrence within its section, so that a stage put
    in between reseeds no other. Nested stages count within their parent, whose draw they hang on.
    """

    def __init__(self, document: YamlDocument, registry: Registry) -> None:
        self._registry = registry
        self._megapixels = _megapixels(document)
        self._on = _said(document, "stream", PLACE_WORD)
        self._taken: dict[tuple[str, str], str] = {}
        self.custom: Mapping[Any, Custom] = {
            **{kind.base: self._binds(self._plain, name) for name, kind in KINDS.items()},
            Source: self._binds(self._source, "source"),
            Stage: self._binds(self._stage, "transform"),
            AnyStage: self._binds(self._stage, "transform", "mixer"),
            Synthesis: self._binds(self._synthesis, "synthesizer"),
            Inspection: self._inspection,
        }

    def _binds(self, bind: Callable[[Binder, _Use], tuple[Any, Any]], *kinds: str) -> Custom:
        def custom(binder: Binder, node: Node, path: str) -> tuple[Any, Any]:
            use = self._find(binder, _unpaste(node), path, *kinds)
            return (FAILED, None) if use is None else bind(binder, use)

        return custom

    def _find(self, binder: Binder, node: Node, path: str, *kinds: str) -> _Use | None:
        if node.text is not None and node.value is not None:  # `folder` is short for {use: folder}
            node = Node({"use": Node(node.text, node.text, node.line)}, line=node.line)
        if not isinstance(node.value, dict) or "use" not in node.value:
            wanted = f"expected a {' or '.join(kinds)} as {{use: name, ...}}"
            binder.problem(node, path, f"{wanted}, found {node.plain()!r}.")
            return None
        use = node.value["use"]
        try:
            return _Use(self._registry.get(str(use.text), *kinds), node, path)
        except PluginError as error:
            binder.problem(use, path, str(error))
            return None

    def _plain(self, binder: Binder, use: _Use) -> tuple[Any, Any]:
        return self._bind_plugin(binder, use, frozenset({"use"}))

    def _source(self, binder: Binder, use: _Use) -> tuple[Any, Any]:
        plugin, resolved = self._bind_plugin(binder, use, _SOURCE_WORDS)
        node = use.node.value.get("corrections")
        if node is None or node.value is None:
            return plugin, resolved
        path, written = binder.bind(Path, node, f"{use.path}.corrections")
        if FAILED in (plugin, path):
            return FAILED, None
        return Corrected(plugin=plugin, corrections=path), {**resolved, "corrections": written}

    def _stage(self, binder: Binder, use: _Use) -> tuple[Any, Any]:
        plugin, resolved = self._bind_plugin(binder, use, _STAGE_WORDS)
        identity = self._identify(binder, use)
        p = self._bind_p(binder, use, getattr(plugin, "default_p", 1.0))
        classes = self._bind_classes(binder, use, plugin)
        on = FAILED if plugin is FAILED else self._bind_on(binder, use, plugin)
        if FAILED in (plugin, identity, p, classes, on):
            return FAILED, None
        cls = MixStage if isinstance(plugin, Mixer) else Stage
        stage = cls(id=identity, plugin=plugin, p=p, megapixels=self._megapixels, on=on, **classes)
        said: dict[str, Any] = {word: list(names) for word, names in classes.items()}
        if PLACE_WORD in use.node.value:
            said[PLACE_WORD] = on
        return stage, {**resolved, **_named(use), "p": p, **said}

    def _synthesis(self, binder: Binder, use: _Use) -> tuple[Any, Any]:
        plugin, resolved = self._bind_plugin(binder, use, _SYNTHESIS_WORDS)
        identity = self._identify(binder, use)
        count = self._bind_count(binder, use)
        splits = self._bind_splits(binder, use)
        if FAILED in (plugin, identity, count, splits):
            return FAILED, None
        synthesis = Synthesis(
            id=identity, plugin=plugin, count=count, splits=splits, megapixels=self._megapixels
        )
        return synthesis, {**resolved, **_named(use), "count": count, "splits": splits}

    def _inspection(self, binder: Binder, node: Node, path: str) -> tuple[Any, Any]:
        """Binds one entry of the section `inspect`; the last step of its path is the name."""
        name = path.removeprefix("inspect.")
        try:
            plugin = self._registry.get(name, "inspector")
        except PluginError as error:
            return binder.problem(node, path, str(error))
        given = node.value if isinstance(node.value, dict) else {"action": node}
        options = {key: child for key, child in given.items() if key != "action"}
        word = given.get("action", Node("warn", "warn"))
        action, _ = binder.bind(Action, word, path if word is node else f"{path}.action")
        bound, resolved = binder.dataclass(
            plugin.cls, Node(options, line=node.line), path, noun="option"
        )
        if FAILED in (bound, action):
            return FAILED, None
        try:
            return Inspection(plugin=bound, action=action), {"action": action, **resolved}
        except ValueError as error:
            return binder.problem(node, path, str(error))

    def _bind_plugin(self, binder: Binder, use: _Use, words: frozenset[str]) -> tuple[Any, Any]:
        """Binds a plugin's options: everything in the mapping but the stage's own `words`."""
        line = use.node.line
        options = {key: child for key, child in use.node.value.items() if key not in words}
        if not use.plugin.mark.is_family:
            bound, resolved = binder.dataclass(
                use.plugin.cls, Node(options, line=line), use.path, noun="option"
            )
            return bound, None if bound is FAILED else {"use": use.word, **resolved}
        member = use.bare.removeprefix(use.plugin.name[:-1])
        tree = {"member": Node(member, member), "options": Node(options, line=line)}
        bound, resolved = binder.dataclass(use.plugin.cls, Node(tree, line=line), use.path)
        return bound, None if bound is FAILED else {"use": use.word, **resolved["options"]}

    def _bind_p(self, binder: Binder, use: _Use, default: float) -> Any:
        node = use.node.value.get("p")
        if node is None:
            return default
        p, _ = binder.bind(float, node, f"{use.path}.p")
        if p is not FAILED and not 0 <= p <= 1:
            message = f"expected a probability in [0, 1], found {p:g}."
            return binder.problem(node, f"{use.path}.p", message)[0]
        return p

    def _bind_classes(self, binder: Binder, use: _Use, plugin: Any) -> Any:
        """Returns the classes that a stage is for, by the word that says so."""
        found: dict[str, tuple[str, ...]] = {}
        for word in CLASS_WORDS:
            node, path = use.node.value.get(word), f"{use.path}.{word}"
            if node is None:
                continue
            found[word], _ = binder.bind(tuple[str, ...], node, path)
            if isinstance(plugin, Mixer) or not _VARIES.fullmatch(use.path):
                message = (
                    "only a transform of augment.stages or stream.stages may be for some classes, "
                    "found a mixer, or a stage elsewhere. Take it out."
                )
                return binder.problem(node, path, message)[0]
        return FAILED if FAILED in found.values() else found

    def _bind_on(self, binder: Binder, use: _Use, plugin: Any) -> Any:
        """Returns where a stage is applied: as it says itself, else as its section does."""
        node = use.node.value.get(PLACE_WORD)
        path = f"{use.path}.{PLACE_WORD}"
        if not _STREAMED.fullmatch(use.path):
            if node is None:
                return "host"
            message = "only a stage of stream.stages may be on the device. Take it out."
            return binder.problem(node, path, message)[0]
        word = "host" if self._on != "device" else "device"
        found = word if node is None else binder.bind(Place, node, path)[0]
        if found == "device" and not plugin.has_twin:
            message = (
                f"expected a stage that can be on the device, found '{use.word}', which has no "
                f"twin as it is set. Those that have one: {', '.join(self._twins())}. Put it in "
                "front of them, with on: host."
            )
            return binder.problem(node or use.node, use.path if node is None else path, message)[0]
        return found

    def _twins(self) -> list[str]:
        """Returns the names of the plugins that can be on the device."""
        without = (Transform.apply_batch, Mixer.apply_batch)
        found = self._registry.of_kind("transform", "mixer")
        return sorted(
            each.name for each in found if getattr(each.cls, "apply_batch", None) not in without
        )

    def _bind_count(self, binder: Binder, use: _Use) -> Any:
        node = use.node.value.get("count", Node(None, line=use.node.line))
        if isinstance(node.value, int) and not isinstance(node.value, bool) and node.value >= 0:
            return node.value
        message = f"expected how many samples to make, 1 or more, found {node.plain()!r}."
        if node.value is None:
            message = "the number of samples to make is missing. Give 1 or more."
        return binder.problem(node, f"{use.path}.count", message)[0]

    def _bind_splits(self, binder: Binder, use: _Use) -> Any:
        node = use.node.value.get("splits", Node("train", "train"))
        shares = {node.text: 1.0} if node.text else node.plain()
        if isinstance(shares, dict) and set(shares) <= set(SPLITS):
            values = [share for share in shares.values() if isinstance(share, (int, float))]
            positive = len(values) == len(shares) and all(share >= 0 for share in values)
            if positive and abs(sum(values) - 1) < 1e-6:
                return {name: float(shares[name]) for name in SPLITS if name in shares}
        message = (
            "expected a split, or shares of splits that sum to 1 such as "
            f"{{train: 0.8, test: 0.2}}, found {node.plain()!r}."
        )
        return binder.problem(node, f"{use.path}.splits", message)[0]

    def _identify(self, binder: Binder, use: _Use) -> Any:
        name = use.node.value.get("name")
        if name is not None and not re.fullmatch(r"[^/\s][^/]*", str(name.text)):
            message = f"expected a name without '/', found '{name.text}'. Rename it."
            return binder.problem(name, f"{use.path}.name", message)[0]
        scope = re.sub(r"\[\d+\]$", "", use.path)
        section = "" if "[" in scope else f"{scope.removesuffix('.stages')}/"
        stem = section + (str(name.text) if name is not None else use.bare)
        if name is not None and (scope, stem) in self._taken:
            other = self._taken[scope, stem]
            message = f"expected each name once, found '{name.text}' at {other} as well. Rename it."
            return binder.problem(name, f"{use.path}.name", message)[0]
        occurrence, identity = 1, stem
        while (scope, identity) in self._taken:
            occurrence += 1
            identity = f"{stem}-{occurrence}"
        self._taken[scope, identity] = use.path
        return identity


def binder_of(document: YamlDocument, registry: Registry) -> Binder:
    """Returns what binds the nodes of one document, places that name a plugin among them."""
    places = _PlaceBinder(document, registry).custom
    return Binder(document, {**places, Searched: bind_searched})


def _megapixels(document: YamlDocument) -> float:
    """Returns what a document says of how large an image its stages may make.

    What is no such number is refused where the section `image` is bound.
    """
    said = _said(document, "image", "stage_megapixels")
    return float(said) if type(said) in (int, float) else MEGAPIXELS


def _said(document: YamlDocument, *path: str) -> Any:
    """Returns what a document says at a path; None for nothing, or for no single value."""
    node = document.root
    for step in path:
        node = node.value.get(step, Node(None)) if isinstance(node.value, dict) else Node(None)
    return node.value


def bind_plugin(
    registry: Registry,
    name: str,
    kind: str,
    assignments: Sequence[str] = (),
    *,
    origin: str | None = None,
) -> Any:
    """Returns the plugin of a name and kind, with its options as `key=value` assignments give them.

    Args:
      origin: how errors call the place that names it; None takes the name.

    Raises:
      PluginError: there is none.
      SpecError: it has no such option, or not of such a value.
    """
    registry.get(name, kind)
    document = from_data({"use": name}, origin=origin or name, folder=Path.cwd())
    document = override(document, assignments)
    binder = binder_of(document, registry)
    bound, _ = binder.bind(KINDS[kind].base, document.root, "")
    binder.check()
    return bound


def _named(use: _Use) -> dict[str, str]:
    name = use.node.value.get("name")
    return {} if name is None else {"name": str(name.text)}


def _unpaste(node: Node) -> Node:
    """Turns albumentations' own serialized form into ours."""
    value = node.value
    if isinstance(value, dict) and "__version__" in value and "transform" in value:
        value = value["transform"].value
    if not isinstance(value, dict) or "__class_fullname__" not in value:
        return node
    name = value["__class_fullname__"]
    word = "A." + str(name.text).rsplit(".", 1)[-1]
    rest = {key: child for key, child in value.items() if key != "__class_fullname__"}
    return Node({"use": Node(word, word, name.line), **rest}, line=node.line)
