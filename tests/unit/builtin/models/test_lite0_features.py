"""The network in numpy sees what that of Keras sees."""

import numpy as np
import pytest
from skimage import data

from dsbuilder.builtin.inspectors import scenes
from dsbuilder.builtin.models.backbones import efficientnet_lite0, lite0_features


@pytest.mark.slow
@pytest.mark.skipif(not scenes.is_installed(), reason="needs the pretrained features")
def test_numpy_and_keras_see_the_same() -> None:
    """Within what rounding to whole numbers costs."""
    image = np.ascontiguousarray(data.chelsea()[:160, :160])
    found = lite0_features.load(efficientnet_lite0.weights_path())(image)
    model = efficientnet_lite0.build(input_shape=(160, 160, 3))
    efficientnet_lite0.load_weights(model, None)
    right = np.asarray(model(image[None].astype(np.float32))).mean(axis=(0, 1, 2))
    cosine = found @ right / np.linalg.norm(found) / np.linalg.norm(right)
    assert cosine > 0.99
