"""What a transform that nests others is, as far as its stages decide."""

from collections.abc import Iterable, Sequence

from dsbuilder.plugin import DataError, Geometry, Params, Sample, Signature, Stage, generator

_ORDER: tuple[Geometry, ...] = ("fixed", "moves", "breaks")


def geometry_of(stages: Sequence[Stage]) -> Geometry:
    """Returns the worst of the stages' geometries."""
    return max((stage.plugin.geometry for stage in stages), key=_ORDER.index, default="fixed")


def moves_of(stages: Sequence[Stage]) -> tuple[str, ...]:
    """Returns the kinds of positional target that every stage which moves anything moves along."""
    moving = [stage.plugin.moves for stage in stages if stage.plugin.geometry == "moves"]
    if not moving:
        return ()
    return tuple(kind for kind in moving[0] if all(kind in moves for moves in moving))


def outcomes(
    numbered: Iterable[tuple[int, Stage]], signature: Signature
) -> list[tuple[str, Signature]]:
    """Returns how each of some stages, by its index, can leave a signature, with words for it.

    A stage that may be left out (`p` below 1) has two outcomes.

    Raises:
      ValueError: a stage cannot take the signature; says which.
    """
    found = []
    for index, stage in numbered:
        name = f"stages[{index}] ({stage.id})"
        if stage.p > 0:
            try:
                found.append((name, stage.output_signature(signature)))
            except (ValueError, DataError) as error:
                raise ValueError(f"{name}: {error}") from error
        if stage.p < 1:
            found.append((f"{name} left out", signature))
    return found


def notes(numbered: Iterable[tuple[int, Stage]], signature: Signature) -> list[str]:
    """Returns what some stages, by their index, have to say of a signature; see `notes` of each."""
    return [
        f"stages[{index}] ({stage.id}): {note}"
        for index, stage in numbered
        if stage.p > 0
        for note in stage.plugin.notes(signature)
    ]


def explain(stage: Stage, sample: Sample, seed: int) -> Params:
    """Returns what a nested stage drew in `Stage.run`; `params` is None where it was left out."""
    params = stage.draw(sample, generator(stage.id, seed))
    more = {} if params is None else dict(stage.explain(sample, params))
    return {"stage": stage.id, "params": params, **({"drawn": more} if more else {})}
