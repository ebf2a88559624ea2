"""The same game in a browser, for people: `accept-reject play`, and studies with many participants."""

import accept_reject.experiments  # noqa: F401 - names the extra if one is missing
