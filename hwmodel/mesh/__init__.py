"""The network of routers: where they are, how packets go, which links they load."""
