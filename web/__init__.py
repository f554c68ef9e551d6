"""The browser page: GraphiQL with a token bar, built by `scripts/build-web` from the sources here."""

from pathlib import Path

DIST = Path(__file__).parent / "dist"
"""Where the built page lies: `index.html`, and `assets/` whose hashed names may be cached for good.

The folder is missing until `scripts/build-web` has run (`make setup` runs it).
"""

CONTENT_SECURITY_POLICY = "; ".join(
    (
        "default-src 'self'",
        # Monaco and GraphiQL place and colour things with style attributes and <style> elements.
        "style-src 'self' 'unsafe-inline'",
        # The fonts, and Monaco's squiggles and icons, are data: URIs inside the style sheets.
        "font-src 'self' data:",
        "img-src 'self' data:",
        # The workers are files of ours; none is made from a blob.
        "worker-src 'self'",
        "object-src 'none'",
        "base-uri 'none'",
        "form-action 'none'",
        # The page holds a bearer token, so no other site may frame it.
        "frame-ancestors 'none'",
    )
)
"""The strictest policy the page works under; `tests/web` runs it under exactly this one."""
