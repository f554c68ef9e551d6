"""A report as pages to hand round: written by Typst, with charts by Vega-Lite, in fonts that come with the product."""
