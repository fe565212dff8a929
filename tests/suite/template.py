"""Prints, as JSON, what SAM makes of the template given first, and what the settings given second say."""

import json
import sys

import tomlkit
from samtranslator.translator.transform import transform
from samtranslator.yaml_helper import yaml_parse


class NoPolicies:
    """No policies of AWS's own: ours are all there are."""

    def load(self):
        return {}


def main(template_path, settings_path):
    with open(template_path, encoding="utf-8") as file:
        template = yaml_parse(file.read())
    # Before a deployment the built code is put where CloudFormation finds it.
    template["Globals"]["Function"]["CodeUri"] = "s3://bucket/code"
    with open(settings_path, encoding="utf-8") as file:
        settings = tomlkit.load(file).unwrap()
    json.dump({"template": transform(template, {}, NoPolicies()), "settings": settings}, sys.stdout)


main(*sys.argv[1:])
