"""Arguments and options that several commands have, so that they mean the same in each."""

from __future__ import annotations

from pathlib import Path

import click

RECIPE = click.argument("recipe", type=click.Path(path_type=Path))
SET = click.option(
    "--set", "overrides", multiple=True, metavar="KEY=VALUE", help="Override a recipe key."
)
FRESH = click.option(
    "--fresh", is_flag=True, help="Move an old run of this output_dir aside and start over."
)
ACCEPT = click.option(
    "--accept-change", is_flag=True, help="Go on with a run begun with other settings, if sound."
)
JSON = click.option("--json", "as_json", is_flag=True, help="One JSON object on stdout.")
