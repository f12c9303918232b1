"""Which losses of Keras, by their names in snake case, are for what a head yields.

A name that is in none of these, of a Keras that is newer, may be for anything.
"""

APART = frozenset(
    {
        *("mean_squared_error", "mean_absolute_error", "mean_squared_logarithmic_error"),
        *("huber", "log_cosh"),
    }
)
"""Of one number and another."""

NUMBERS = APART | {"mean_absolute_percentage_error", "poisson"}
"""Of numbers in their own units."""

DIRECTIONS = frozenset({"cosine_similarity"})
"""Of several numbers together, or of probabilities of classes that exclude each other."""

EACH_CLASS = APART | {
    *("binary_crossentropy", "binary_focal_crossentropy", "hinge", "squared_hinge"),
    *("dice", "tversky", "poisson"),
}
"""Of each class by itself, whether it is there."""

IDS = frozenset({"sparse_categorical_crossentropy", "categorical_generalized_cross_entropy"})
"""Of the one class of several, as an id."""

CLASSES = (
    EACH_CLASS
    | DIRECTIONS
    | {"categorical_crossentropy", "categorical_focal_crossentropy", "categorical_hinge"}
    | {"kldivergence"}
)
"""Of classes that exclude each other, also where they are mixed."""

TEXTS = frozenset({"ctc"})
"""Of a text, step by step."""

KNOWN = NUMBERS | CLASSES | IDS | TEXTS | {"circle"}
"""All that are known, those that are for no head among them: `circle` is of embeddings."""
