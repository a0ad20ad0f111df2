"""Makes the Debian packages. Build time only: no product code imports it, nor it any of that."""
