"""Labels as the features that we store of them -> raw labels, as a record has them."""

from collections.abc import Mapping
from typing import Any

from dsbuilder.errors import CacheError
from dsbuilder.plugin import DataError, Target


def raw_label(kind: Target, name: str, features: Mapping[str, Any], *, advice: str) -> Any:
    """Returns the raw label of what `Target.encode` made.

    Args:
      features: values by the name of the feature.
      advice: what to do where they are wrong.

    Raises:
      DataError: a feature is missing, or holds what this target never stores.
    """
    try:
        problem = kind.problem(name, features)
        if problem is None:
            return kind.raw(kind.decode(name, features))
    except KeyError as error:
        problem = f"there is no feature {error}"
    except (ValueError, TypeError, AttributeError, IndexError, CacheError) as error:
        problem = str(error)
    raise DataError(f"{problem}. {advice}")
