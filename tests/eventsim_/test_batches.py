import numpy as np
import pytest

from eventsim.augment import augment
from eventsim.batches import (
    AUGMENT_STREAM,
    encode_inputs,
    evaluation_batches,
    training_batches,
)
from eventsim.datasets import Split
from eventsim.errors import ConfigError, ShapeError


@pytest.fixture
def images():
    """Images whose first pixel is the index of the sample."""
    inputs = np.random.default_rng(0).integers(0, 256, (10, 4, 4, 1), dtype=np.uint8)
    inputs[:, 0, 0, 0] = np.arange(10)
    return Split(inputs, np.arange(10) % 3)


def order_of(batches):
    return [round(255 * float(a[0, 0, 0])) for batch, _ in batches for a in batch]


@pytest.fixture
def config(tiny_config):
    return lambda *more: tiny_config(
        "encode.bias_spikes=0", "training.batch_size=4", *more
    )


def test_training_batches__every_sample_once_last_batch_partial(images, config):
    batches = list(training_batches(images, config(), 1))
    assert [labels.size for _, labels in batches] == [4, 4, 2]
    order = order_of(batches)
    assert sorted(order) == list(range(10))
    labels = np.concatenate([labels for _, labels in batches])
    assert labels.tolist() == [k % 3 for k in order]


def test_training_batches__order_depends_on_seed_and_epoch_alone(images, config):
    orders = {
        (seed, epoch): order_of(training_batches(images, config(f"seed={seed}"), epoch))
        for seed in (0, 1)
        for epoch in (1, 2)
    }
    assert len(set(map(tuple, orders.values()))) == 4
    again = order_of(training_batches(images, config("seed=1"), 2))
    assert again == orders[1, 2]


def test_training_batches__augmentation_is_drawn_anew_each_epoch(config):
    config = config("data.augment.shift=2", "training.batch_size=10")
    # Ten equal images, so that their order makes no difference.
    image = np.arange(16, dtype=np.uint8).reshape(4, 4, 1)
    images = Split(np.stack([image] * 10), np.zeros(10, np.int64))
    first, again, second = (
        next(training_batches(images, config, epoch))[0] for epoch in (1, 1, 2)
    )
    assert np.array_equal(first, again)
    assert not np.array_equal(first, second)
    assert len(np.unique(first, axis=0)) > 1
    assert all(np.array_equal(kept, image) for kept in images.inputs)


@pytest.mark.parametrize("precision", ["float32", "float64"])
def test_training_batches__in_the_precision_of_the_run(images, config, precision):
    activation, labels = next(
        training_batches(images, config(f"precision={precision}"), 1)
    )
    assert activation.dtype == precision
    assert labels.dtype == np.int64


def test_evaluation_batches__in_order_and_complete(images, config):
    batches = list(evaluation_batches(images, config(), np.float64, size=3))
    assert [labels.size for _, labels in batches] == [3, 3, 3, 1]
    assert order_of(batches) == list(range(10))


def test_encode_inputs__pixels_by_their_definition(config):
    pixels = np.array([0, 51, 255], np.uint8).reshape(1, 1, 3, 1)
    encoded = encode_inputs(pixels, config(), np.float64)
    assert encoded.ravel() == pytest.approx([0, 0.2, 1])
    dark = encode_inputs(pixels, config("encode.polarity=dark_first"), np.float64)
    assert dark.ravel() == pytest.approx([1, 0.8, 0])
    half = encode_inputs(pixels, config("encode.value_max=0.4"), np.float64)
    assert half.ravel() == pytest.approx([0, 0.5, 1])
    normal = config("data.normalise={mean: [0.2], std: [0.5]}")
    # (0.2 - 0.2) / 0.5 = 0 and (1 - 0.2) / 0.5 = 1.6, clipped to 1
    assert encode_inputs(pixels, normal, np.float64).ravel() == pytest.approx([0, 0, 1])


def test_encode_inputs__features_and_bias(tiny_config):
    encoded = encode_inputs(np.array([[0.25, 0.5]]), tiny_config(), np.float64)
    assert encoded.tolist() == [[0.25, 0.5, 1.0]]


def test_encode_inputs__normalises_each_channel(config):
    pixels = np.array([[51, 102, 204], [102, 153, 255]], np.uint8).reshape(1, 1, 2, 3)
    normal = config("data.normalise={mean: [0.2, 0.3, 0.9], std: [1, 0.5, 0.1]}")
    # (0.2, 0.4, 0.8) and (0.4, 0.6, 1.0) less the means, over the deviations; to 0..1
    expected = [[0.0, 0.2, 0.0], [0.2, 0.6, 1.0]]
    encoded = encode_inputs(pixels, normal, np.float64)
    np.testing.assert_allclose(encoded[0, 0], expected, atol=1e-12)


def test_encode_inputs__constants_for_other_channels(config):
    normal = config("data.normalise={mean: [0.2, 0.3, 0.9], std: [1]}")
    with pytest.raises(ShapeError, match=r"mean does not fit.*of the 1 channels"):
        encode_inputs(np.zeros((1, 2, 2, 1), np.uint8), normal, np.float64)


def test_training_batches__every_step_of_augmentation_is_passed_on(config):
    inputs = np.random.default_rng(0).integers(0, 256, (6, 8, 8, 3), dtype=np.uint8)
    images = Split(inputs, np.arange(6))
    config = config(
        "data.augment={shift: 2, shift_fill: 77, flip: true, autoaugment: cifar10, "
        "cutout: 3}",
        "training.batch_size=6",
    )
    (batch, labels), *_ = training_batches(images, config, 3)
    expected = augment(
        inputs[labels],
        np.random.default_rng([config.seed, AUGMENT_STREAM, 3]),
        shift=2,
        shift_fill=77,
        flip=True,
        autoaugment="cifar10",
        cutout=3,
    )
    np.testing.assert_array_equal(np.round(255 * batch).astype(np.uint8), expected)


def test_training_batches__grey_images_have_no_policy(images, config):
    config = config("data.augment.autoaugment=imagenet")
    with pytest.raises(ConfigError, match="images are not in colour, got 1 channel;"):
        next(training_batches(images, config, 1))


def test_encode_inputs__direct_coding_takes_normalised_values_unclipped(config):
    pixels = np.array([0, 51, 255], np.uint8).reshape(1, 1, 3, 1)
    direct = (
        "encode.coding=direct",
        "network.neuron={threshold: static, theta: 1}",
        "loss.silence_penalty=0",
    )
    encoded = encode_inputs(pixels, config(*direct), np.float64)
    assert encoded.ravel() == pytest.approx([0, 0.2, 1])
    normal = config(
        *direct, "encode.gain=3", "data.normalise={mean: [0.2], std: [0.5]}"
    )
    # (0 - 0.2) / 0.5 = -0.4 and (1 - 0.2) / 0.5 = 1.6, times 3
    encoded = encode_inputs(pixels, normal, np.float64)
    assert encoded.ravel() == pytest.approx([-1.2, 0, 4.8])
    features = encode_inputs(np.array([[0.25, 0.5]]), config(*direct), np.float32)
    assert features.tolist() == [[0.25, 0.5]]
    assert features.dtype == np.float32
