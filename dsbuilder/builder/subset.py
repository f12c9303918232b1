"""A part of the train split: of one seed each smaller share lies in each larger one.

Class by class, whole groups are ranked by a hash of the seed and taken as long as their middle
falls below `share * n + u - 1/2`, with `n` the size of the class and `u` in [0, 1) an offset of the
class's own. So of single records each class comes within one of its share, of groups within the
largest; every class keeps one. Ranks do not depend on the share, hence they nest; a record more
moves at most one other of its class, as in a split. Where records are dealt by hashes alone, they
are in the part by hashes alone, and one more moves none.
"""

import math
from collections.abc import Mapping
from fractions import Fraction

from dsbuilder.builder.grouping import Member, by_class
from dsbuilder.pipelinefile.splitting import Subset
from dsbuilder.seeding import rank, unit


def left_out(
    strata: Mapping[str, list[str]], members: Mapping[str, Member], part: Subset, *, seed: int
) -> frozenset[str]:
    """Returns the keys of the train split that are not in a part of it.

    Args:
      strata: keys of the train split by class; none where hashes alone decide.
      members: what each key of it is taken with.
      seed: of the pipeline.
    """
    share = Fraction(repr(float(part.share)))
    ranks = {each: rank(seed, "subset", part.seed, *each) for each in members.values()}
    if not strata:
        taken = {each for each, place in ranks.items() if place < share * 2**64}
    else:
        taken = set()
        for name, sizes in by_class(strata, members).items():
            offset = Fraction(unit(seed, "subset", part.seed, "offset", name))
            taken |= _first(sizes, ranks, share * sum(sizes.values()) + offset)
    return frozenset(key for key, each in members.items() if each not in taken)


def _first(sizes: Mapping[Member, int], ranks: Mapping[Member, int], upto: Fraction) -> set[Member]:
    """Returns the groups of a class, by their ranks, whose middle falls below `upto - 1/2`."""
    # Twice every position, so that the middle of a group is a whole number.
    cut, position, taken = math.floor(2 * upto - 1), 0, set[Member]()
    for member in sorted(sizes, key=ranks.__getitem__):
        if taken and 2 * position + sizes[member] > cut:
            break
        taken.add(member)
        position += sizes[member]
    return taken
