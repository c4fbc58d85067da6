from __future__ import annotations

import json

from typer.testing import CliRunner, Result

from trainer.cli import app
from trainer.model import catalogue
from trainer.model.network import build
from trainer.settings import Network


def call(*words: str) -> Result:
    return CliRunner().invoke(app, ["models", *words])


def test_every_tested_network_is_listed_with_what_it_takes():
    done = call("--json")
    assert done.exit_code == 0, done.output
    told = json.loads(done.stdout)
    rows = told["models"]
    assert told["side"] == 768
    assert [(row["encoder"], row["decoder"]) for row in rows] == list(catalogue.TESTED)
    assert all(row["parameters"] > 1e6 and row["macs"] > 1e9 for row in rows)
    assert "Counting" not in done.stderr


def test_a_filter_narrows_it_and_the_table_says_the_licence():
    done = call("--filter", "MIT seg")
    words = " ".join(done.stdout.split())
    assert "mit_b2 segformer 24.7 M 67.3 G NVIDIA, non-commercial" in words
    assert "resnet50" not in words


def test_a_filter_that_nothing_fits():
    done = call("--filter", "nosuch")
    assert done.exit_code == 0
    assert "No tested network is called `nosuch`." in done.stdout


def test_every_tested_network_has_its_figures():
    assert set(catalogue.known()) == set(catalogue.TESTED)


def test_a_network_of_each_decoder_has_the_figures_that_are_counted():
    first = {decoder: encoder for encoder, decoder in reversed(catalogue.TESTED)}
    for decoder, encoder in first.items():
        assert catalogue.known()[encoder, decoder] == catalogue.count(encoder, decoder)


def test_parameters_are_those_of_the_network_that_is_built():
    network = Network(encoder="tf_efficientnet_lite0", decoder="unet", pretrained=False)
    built = sum(parameter.numel() for parameter in build(network).module.parameters())
    assert catalogue.known()["tf_efficientnet_lite0", "unet"].parameters == built


def test_multiply_adds_of_a_known_network():
    """He, K. et al. (CVPR 2016, table 1) count 3.8e9 for ResNet-50 at 224; the rest is decoder."""
    encoder = 3.8e9 * (768 / 224) ** 2
    assert encoder < catalogue.known()["resnet50", "unet"].macs < 1.7 * encoder


def test_licences_are_as_timm_states_them():
    assert catalogue.licence("resnet50") == "apache-2.0"
    assert catalogue.licence("swin_tiny_patch4_window7_224") == "mit"
    assert catalogue.licence("vgg11_bn") is not None
    assert catalogue.licence("efficientnet-b0") is None
