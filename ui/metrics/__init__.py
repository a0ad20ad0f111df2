"""The site's figures in Prometheus' words, gathered at each scrape from the processes themselves."""
