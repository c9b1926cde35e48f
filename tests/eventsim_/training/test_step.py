import numpy as np
import pytest
from eventsim_.spiking_networks import dense_network

from eventsim.errors import RunError
from eventsim.training.step import Place, _require_finite

NETWORK = dense_network(sizes=(2, 3, 2))


@pytest.mark.parametrize(("value", "name"), [(np.nan, "NaN"), (np.inf, "infinite")])
def test_update__names_layer_epoch_and_batch_of_a_gradient_that_is_not_finite(
    value, name
):
    gradients = [np.zeros_like(weight) for weight in NETWORK.weights]
    _require_finite(NETWORK, gradients, Place(3, 17))
    gradients[1][0, 1] = value
    message = rf"gradient of layer_2 \(dense 2\) is {name} in epoch 3, batch 17"
    with pytest.raises(RunError, match=message):
        _require_finite(NETWORK, gradients, Place(3, 17))


def test_update__an_exploding_gradient_is_one_whose_square_overflows():
    gradients = [np.zeros_like(w, dtype=np.float32) for w in NETWORK.weights]
    gradients[0][0, 0] = 1e30
    with pytest.raises(RunError, match=r"layer_1 .* is infinite"):
        _require_finite(NETWORK, gradients, Place(1, 1))
