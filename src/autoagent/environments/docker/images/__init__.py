"""Images of tasks: `builds` makes them on `base_image`, by `buildkit` or `plugin`'s compose."""
