"""The portal as browsers and programs meet it: pages, API, and what guards both."""
