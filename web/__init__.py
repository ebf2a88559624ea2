"""The same game in a browser, for people: `accept-reject play`, and studies with many participants."""
