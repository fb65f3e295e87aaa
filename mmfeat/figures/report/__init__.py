"""The report: features of an atlas as one HTML file that needs no server and no network.

`data` says what it shows as plain JSON, `shelves` keeps pictures and captions once each, and
`document` puts that together with ``page.html``, ``style.css`` and the scripts.
"""
